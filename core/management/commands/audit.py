"""`manage.py audit --action payout.decided`: who did what, newest first, one JSON object a line."""

from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from core.audit import Action, audit_list, audit_view


class Command(BaseCommand):
    """Prints the audit log. Whether it was tampered with is what `ledger_verify` says."""

    help = "Print who did what, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what to print."""
        parser.add_argument("--action", choices=[str(action) for action in Action])
        parser.add_argument("--limit", type=int, default=100)

    def handle(self, *_: Any, action: str | None, limit: int, **__: Any) -> None:
        """Print it."""
        for record in audit_list(limit=max(1, limit), action=action):
            self.stdout.write(msgspec.json.encode(audit_view(record)).decode())
