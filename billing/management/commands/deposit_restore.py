"""`manage.py deposit_restore ch_… [--to org_…]`: book a card payment that a restore has lost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import stripe_gateway as gateway
from billing.services.deposit_restore import deposit_restore
from core.clock import utc_now
from core.errors import CuxError
from core.ids import parse_public_id, public_id


class Command(BaseCommand):
    """Books the charge, its refunds and disputes as Stripe has them; again: no effect."""

    help = "Book a card payment that was made after the backup that was restored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add which, and whose it is if the payer was lost too."""
        parser.add_argument("charge", help="its id at Stripe, ch_…")
        parser.add_argument("--to", help="org_…, only if who paid is not in the backup and signed up anew")

    def handle(self, *, charge: str, to: str | None, **_: Any) -> None:
        """Do it, and say what is booked."""
        who = parse_public_id("organisation", to) if to else None
        if to and who is None:
            raise CommandError(f"No organisation's id: {to}")
        try:
            deposit = deposit_restore(charge_id=charge, organisation_id=who, now=utc_now())
        except (CuxError, gateway.Refused) as refused:
            raise CommandError(str(refused)) from refused
        whose = public_id("organisation", deposit.organisation_id)
        self.stdout.write(
            f"{public_id('deposit', deposit.id)} of {whose}: {deposit.amount_nano_usd} nano-USD, "
            f"{deposit.refunded_nano_usd} refunded, {deposit.disputed_nano_usd} disputed"
        )
