"""Recovery: the newest valid snapshot and the journal's tail give the books; the orders' rows must agree.

Two ways lead to the same books: the rows, which are written order by order, and the journal, which keeps
every operation. The sequencer opens only if both give the same, book by book.
"""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from exchange.engine import Engine
from exchange.sequencer.replay import last_sequence, play
from exchange.sequencer.snapshot import Books, newest
from exchange.sequencer.state import Market


def recovered(
    connection: psycopg.Connection[Any],
    *,
    from_snapshot: bool = True,
    at_most: int | None = None,
    tell: Callable[[int], None] = lambda sequence: None,
) -> Books:
    """Return the books after the last command, or after `at_most` commands more than the snapshot has.

    `tell` is called now and then with the number of commands played so far. The connection has to be
    inside a transaction.
    """
    last = last_sequence(connection)
    books = newest(connection, until=last) if from_snapshot else Books()
    until = last if at_most is None else min(last, books.sequence + at_most)
    start = books.sequence
    play(connection, books.engines, after=start, until=until, tell=lambda n: tell(n - start))
    books.sequence = until
    return books


def differing(markets: Mapping[str, Market], books: Books) -> list[str]:
    """Return the symbols of the markets whose book is not the recovered one, sorted.

    A market that the journal does not know is still as it was listed: empty, in whatever phase.
    """
    return sorted(
        symbol
        for symbol, market in markets.items()
        if market.engine.state_hash() != _recovered(market, books).state_hash()
    )


def _recovered(market: Market, books: Books) -> Engine:
    known = books.engines.get(market.instrument.symbol)
    return Engine.restore([], market.engine.current_phase) if known is None else known
