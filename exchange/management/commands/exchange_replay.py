"""`manage.py exchange_replay`: does the journal still give the books?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from core.clock import utc_now
from exchange.engine import Engine
from exchange.sequencer.rebuild import rebuild
from exchange.sequencer.replay import read_effects, replay


class Command(BaseCommand):
    """Reads one snapshot of the database, so it may run beside the sequencer."""

    help = "Replay the journal and compare each book with the one that the orders' rows give."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many books agree; fail naming those that do not."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            markets = rebuild(connection.connection, now=utc_now()).markets
            engines = {symbol: Engine() for symbol in markets}
            replay(read_effects(connection.connection), engines)
        differing = [
            symbol
            for symbol, market in markets.items()
            if market.engine.state_hash() != engines[symbol].state_hash()
        ]
        if differing:
            raise CommandError(f"Books that differ from their journal: {', '.join(sorted(differing))}")
        self.stdout.write(f"{len(markets)} books agree with the journal")
