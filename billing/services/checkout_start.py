"""Open Stripe's page for a deposit."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.models import Deposit
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_apply import attempt_next, deposit_expire
from core.money import NANO_PER_CENT

PAGE_LIVES: Final = timedelta(hours=1)
_LATEST: Final = timedelta(minutes=25)
"""Stripe keeps a page open for 30 minutes at least: later its end would be refused."""


def checkout_start(*, deposit: Deposit, now: datetime) -> bool:
    """This function will have Stripe open a page for the deposit, and note its address.

    A page too many, after an answer that was lost, shows itself to nobody and expires.

    Raises as `stripe_gateway` does.
    """
    if now > deposit.created_at + _LATEST:
        return deposit_expire(deposit_id=deposit.id, now=now)
    customer_id = customer_ensure(deposit.organisation_id)
    try:
        session = gateway.checkout_open(
            key=f"deposit:{deposit.id}:checkout:{deposit.attempt}",
            customer_id=customer_id,
            lines=_lines(deposit),
            description="CUX deposit",
            metadata={"deposit_id": str(deposit.id)},
            success_url=deposit.return_url,
            cancel_url=deposit.return_url,
            expires_at=deposit.created_at + PAGE_LIVES,
            save_card=deposit.saves_card,
        )
    except gateway.Unavailable as unavailable:
        if unavailable.is_kept:
            attempt_next(deposit)
        raise
    return _note(deposit, session)


@transaction.atomic
def _note(deposit: Deposit, session: gateway.CheckoutSession) -> bool:
    """Keep the page. That somebody is paying on it may have been heard before the page's own answer."""
    row = Deposit.objects.select_for_update(no_key=True).get(id=deposit.id)
    if row.checkout_session_id is not None or row.state not in Deposit.UNFINISHED:
        return False
    row.state, row.checkout_session_id, row.checkout_url = Deposit.State.OPEN, session.id, session.url
    row.save()
    return True


def _lines(deposit: Deposit) -> list[gateway.CheckoutLine]:
    lines = [gateway.CheckoutLine("CUX deposit", deposit.amount_nano_usd // NANO_PER_CENT)]
    if deposit.tax_nano_usd:
        lines.append(gateway.CheckoutLine("Tax", deposit.tax_nano_usd // NANO_PER_CENT))
    return lines
