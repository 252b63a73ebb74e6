"""The order book as committed, aggregated by price."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

from core.errors import Code, CuxError

# One statement sees one snapshot of the database, so that levels, phase and sequence belong together.
# Not shown: an iceberg's reserve, and compute sold on, which rests apart from the ordinary book.
_BOOK: Final = """
    WITH shown AS (
        SELECT side, limit_ticks, count(*) AS orders,
            sum(CASE WHEN display_lots IS NULL THEN leaves_lots ELSE slice_lots END)::bigint AS lots
        FROM exchange_order
        WHERE instrument_id = (SELECT id FROM exchange_instrument WHERE symbol = %(symbol)s)
            AND status = 'open' AND entitlement_id IS NULL
        GROUP BY side, limit_ticks
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY side ORDER BY CASE side WHEN 'buy' THEN -limit_ticks ELSE limit_ticks END) AS place
        FROM shown
    )
    SELECT i.phase,
        (SELECT coalesce(max(sequence), 0) FROM exchange_marketevent WHERE instrument_id = i.id),
        r.side, r.limit_ticks, r.lots, r.orders
    FROM exchange_instrument i LEFT JOIN ranked r ON r.place <= %(depth)s
    WHERE i.symbol = %(symbol)s ORDER BY r.place"""


@dataclass(frozen=True, slots=True)
class Level:
    """A price in ticks, the open lots shown at it, and how many orders they are."""

    price_ticks: int
    quantity_lots: int
    orders: int


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The book after the instrument's market event number `sequence`, best level first on each side."""

    instrument: str
    phase: str
    sequence: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def book_snapshot(*, symbol: str, depth: int | None = 20) -> BookSnapshot:
    """Return the best `depth` levels of each side, or all.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BOOK, {"symbol": symbol, "depth": 2**31 if depth is None else depth})
        rows = cursor.fetchall()
    if not rows:
        raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
    phase, sequence = rows[0][:2]
    levels = {side: tuple(Level(*row[3:]) for row in rows if row[2] == side) for side in ("buy", "sell")}
    return BookSnapshot(symbol, phase, sequence, bids=levels["buy"], asks=levels["sell"])
