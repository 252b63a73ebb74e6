"""`manage.py surveillance`: what somebody should look at."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from core.clock import rfc3339, utc_now
from cux.wire.operators import FindingView
from exchange.selectors.surveillance import surveillance_findings


class Command(BaseCommand):
    """Reads committed rows only, so it may run beside everything; thresholds are in docs/surveillance.md."""

    help = (
        "Report wash trades, spoof-like cancels, order-to-trade ratios and marking the close; last 24 hours."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the period and the form."""
        parser.add_argument("--from", dest="start", type=_instant, help="RFC 3339; a day before --to")
        parser.add_argument("--to", dest="end", type=_instant, help="RFC 3339; now")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object a line")

    def handle(self, *, start: datetime | None, end: datetime | None, as_json: bool, **_: Any) -> None:
        """Print one line for each finding."""
        end = end or utc_now()
        start = start or end - timedelta(days=1)
        if start >= end:
            raise CommandError("--from must be before --to")
        findings = surveillance_findings(start=start, end=end)
        for finding in findings:
            self.stdout.write(msgspec.json.encode(finding).decode() if as_json else _line(finding))
        if not as_json:
            self.stdout.write(f"{len(findings)} findings from {rfc3339(start)} to {rfc3339(end)}")


def _line(finding: FindingView) -> str:
    figures = " ".join(f"{name}={value:,}" for name, value in finding.figures.items())
    where = finding.instrument or "all instruments"
    return f"{finding.kind:<22} {where:<28} {', '.join(finding.accounts)}  {figures}"


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant has a time zone")
    return moment
