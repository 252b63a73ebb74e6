"""`manage.py ledger_verify`: check every invariant of the ledger; exit 1 and say what broke if any is."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from billing.selectors.balances import trial_balance
from billing.selectors.invariants import Finding
from billing.selectors.verify import verify


class Command(BaseCommand):
    """Checks one snapshot of the database, beside whatever is being posted."""

    help = "Check every invariant of the ledger; name the first broken row of each that is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --json."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings and the trial balance; exit 1 unless all holds."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            findings = verify(cursor)
            totals = trial_balance()
        report = self._json if options["json"] else self._table
        self.stdout.write(report(findings, totals))
        if any(finding.broken for finding in findings):
            sys.exit(1)

    def _json(self, findings: list[Finding], totals: dict[str, int]) -> str:
        ok = not any(finding.broken for finding in findings)
        return json.dumps(
            {"ok": ok, "findings": [asdict(finding) for finding in findings], "trial_balance": totals}
        )

    def _table(self, findings: list[Finding], totals: dict[str, int]) -> str:
        lines = []
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            lines.append(f"{'BROKEN' if finding.broken else 'ok':<8}{finding.name:<{width}}  {finding.rule}")
            if finding.broken:
                lines.append(f"        first: {finding.broken}")
        lines += [f"trial balance: {total} ({asset})" for asset, total in totals.items()]
        return "\n".join(lines)
