"""`manage.py money_out stop REASON | resume | status`: whether money may leave."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.services.money_stop import money_is_stopped, money_resume, money_stop
from core.clock import utc_now
from core.errors import CuxError


class Command(BaseCommand):
    """Stops payouts, refunds and automatic top-ups, or lets them go on; `status` exits 1 while stopped."""

    help = "Stop payouts, refunds and automatic top-ups, or let them go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what to do, and why."""
        parser.add_argument("do", choices=["stop", "resume", "status"])
        parser.add_argument("reason", nargs="?", default="by hand", help="why it is stopped")

    def handle(self, *, do: str, reason: str, **_: Any) -> None:
        """Do it, and say how it stands."""
        try:
            if do == "stop":
                money_stop(reason=reason, now=utc_now())
            elif do == "resume":
                money_resume(now=utc_now())
        except CuxError as refused:
            raise CommandError(refused.message) from refused
        stopped = money_is_stopped()
        self.stdout.write("money is stopped" if stopped else "money may leave")
        if stopped and do == "status":
            sys.exit(1)
