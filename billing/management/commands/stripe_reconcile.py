"""`manage.py stripe_reconcile`: compare the books with Stripe's; exit 1 and name each break."""

import json
import sys
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from billing.models import Reconciliation
from billing.services.stripe_reconcile import stripe_reconcile
from core.clock import utc_now
from core.money import format_usd


class Command(BaseCommand):
    """Writes one row of the history, and prints it."""

    help = "Compare balance, movements and payouts with Stripe's; exit 1 if anything does not agree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --since and --json."""
        parser.add_argument(
            "--since", type=datetime.fromisoformat, help="look back to then, not to the last without a break"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, print, and exit 1 unless all agrees."""
        row = stripe_reconcile(now=utc_now(), since=options["since"])
        self.stdout.write(_json(row) if options["json"] else _table(row))
        if row.breaks:
            sys.exit(1)


def _json(row: Reconciliation) -> str:
    return json.dumps(
        {"ok": row.is_clean, "breaks": row.breaks, "undone": row.undone, "figures": row.figures}
    )


def _table(row: Reconciliation) -> str:
    lines = [f"{row.movements} movements since {row.since or 'the beginning'}"]
    lines += [f"BROKEN  {broken}" for broken in row.breaks] or ["ok      every movement is posted once"]
    lines += [f"undone at Stripe  {moved}" for moved in row.undone]
    for part, figures in row.figures.items():
        lines.append(f"{part}: {format_usd(sum(figures.values()))}")
        lines += [f"    {name:<20}{format_usd(amount)}" for name, amount in figures.items() if amount]
    return "\n".join(lines)
