"""`manage.py exchange_replay`: does the journal still give the books?"""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from core.clock import utc_now
from exchange.sequencer.rebuild import rebuild
from exchange.sequencer.recovery import differing, recovered
from exchange.sequencer.state import Market

_TELL_EVERY_S = 2.0


class Command(BaseCommand):
    """Reads one state of the database, so it may run beside the sequencer; changes nothing.

    Exits 1 and names the books that differ.
    """

    help = "Replay the journal and compare each book with the one that the orders' rows give."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which book to compare, and where to begin."""
        parser.add_argument("--instrument", help="compare this instrument's book only (its symbol)")
        parser.add_argument(
            "--from-snapshot",
            action="store_true",
            help="begin at the newest valid snapshot instead of the journal's first command",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many books agree; fail naming those that do not."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            markets = rebuild(connection.connection, now=utc_now()).markets
            books = recovered(
                connection.connection, from_snapshot=options["from_snapshot"], tell=self._progress()
            )
        if options["instrument"] is not None:
            markets = self._only(options["instrument"], markets)
        if broken := differing(markets, books):
            raise CommandError(f"Books that differ from their journal: {', '.join(broken)}")
        self.stdout.write(f"{len(markets)} books agree with the journal")

    def _only(self, symbol: str, markets: dict[str, Market]) -> dict[str, Market]:
        if symbol not in markets:
            raise CommandError(f"There is no instrument {symbol}.")
        self.stdout.write(f"{symbol}: state hash {markets[symbol].engine.state_hash()}")
        return {symbol: markets[symbol]}

    def _progress(self) -> Callable[[int], None]:
        """Return what says every other second how far it is."""
        last_s = time.monotonic()

        def tell(commands: int) -> None:
            nonlocal last_s
            if time.monotonic() - last_s >= _TELL_EVERY_S:
                last_s = time.monotonic()
                self.stderr.write(f"{commands} commands played")

        return tell
