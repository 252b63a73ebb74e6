"""`manage.py api_key`: make the keys that no key can make, such as an operator's."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiKey, Organisation
from accounts.models.api_key import ORDER_LIMIT
from accounts.services import api_key_create
from core.errors import CuxError
from core.ids import public_id


class Command(BaseCommand):
    """Makes an API key and prints its secret, which is kept nowhere."""

    help = "Make an API key for an organisation; the secret goes to stdout, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose key it is and what it may do."""
        parser.add_argument("organisation", help="its slug; the house's is cux")
        parser.add_argument("name", help="what or whom the key is for: each operator has one of their own")
        parser.add_argument("--scope", action="append", required=True, choices=ApiKey.Scope.values)
        parser.add_argument("--network", action="append", default=[], help="from where (CIDR); repeatable")
        parser.add_argument("--expires-at", type=_instant, help="RFC 3339")
        parser.add_argument("--orders", type=int, default=ORDER_LIMIT, help="at once, and again every window")
        parser.add_argument("--window", type=int, default=1, metavar="SECONDS")

    def handle(self, *_: Any, organisation: str, name: str, **options: Any) -> None:
        """Make it, or say why not."""
        owner = Organisation.objects.filter(slug=organisation).first()
        if owner is None:
            raise CommandError(f"There is no organisation {organisation!r}.")
        if not 1 <= len(name) <= 80 or min(options["orders"], options["window"]) < 1:
            raise CommandError("A name has 1 to 80 characters, orders and window are at least 1.")
        try:
            with structlog.contextvars.bound_contextvars(actor="manage.py api_key"):
                issued = api_key_create(
                    organisation_id=owner.id,
                    name=name,
                    scopes=options["scope"],
                    expires_at=options["expires_at"],
                    allowed_networks=options["network"],
                    order_limit=options["orders"],
                    order_window_s=options["window"],
                )
        except CuxError as error:
            raise CommandError(error.message) from error
        self.stderr.write(f"{public_id('key', issued.key.id)} may {', '.join(issued.key.scopes)}")
        self.stdout.write(issued.secret)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant has a time zone")
    return moment
