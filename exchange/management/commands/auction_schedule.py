"""`manage.py auction_schedule`: when instruments hold auctions."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clock import rfc3339, utc_now
from core.errors import CuxError
from exchange.models import AuctionSchedule
from exchange.sequencer.auctions import Periods
from exchange.services.auction_schedule import schedule_set, schedule_stop


class Command(BaseCommand):
    """Lists, sets and stops schedules; the clock's task starts the auctions."""

    help = "List schedules of auctions, set an instrument's, or stop it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do: nothing more lists."""
        actions = parser.add_subparsers(dest="action")
        actions.add_parser("list", help="list all that are active")
        stop = actions.add_parser("stop", help="hold no more auctions")
        stop.add_argument("symbol")
        given = actions.add_parser("set", help="hold auctions from the next instant on")
        given.add_argument("symbol")
        given.add_argument("--every", type=int, required=True, metavar="SECONDS")
        given.add_argument("--offset", type=int, default=0, metavar="SECONDS", help="after each multiple")
        given.add_argument("--input", type=int, required=True, metavar="SECONDS")
        given.add_argument("--no-cancel", type=int, default=0, metavar="SECONDS")
        given.add_argument("--random-close", type=int, default=0, metavar="SECONDS", help="at most")
        given.add_argument("--then", default="pre_open", metavar="PHASE", help="pre_open, continuous, closed")

    def handle(self, *_: Any, action: str | None, **options: Any) -> None:
        """Do it, or say why not."""
        try:
            if action == "set":
                self._set(options)
            elif action == "stop":
                self.stdout.write("stopped" if schedule_stop(symbol=options["symbol"]) else "none was active")
            else:
                self._list()
        except CuxError as error:
            raise CommandError(error.message) from error

    def _set(self, options: dict[str, Any]) -> None:
        schedule_set(
            symbol=options["symbol"],
            every_s=options["every"],
            offset_s=options["offset"],
            periods=Periods(options["input"], options["no_cancel"], options["random_close"]),
            then_phase=options["then"],
            now=utc_now(),
        )
        self._list()

    def _list(self) -> None:
        rows = AuctionSchedule.objects.filter(is_active=True).select_related("instrument")
        for row in rows.order_by("instrument__symbol"):
            steps = f"{row.input_s} s input, {row.no_cancel_s} s no cancel, {row.random_close_s} s random"
            last = rfc3339(row.last_started_for) if row.last_started_for else "never"
            self.stdout.write(
                f"{row.instrument.symbol}: every {row.every_s} s + {row.offset_s} s, {steps},"
                f" then {row.then_phase}; last instant {last}"
            )
