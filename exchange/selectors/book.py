"""The order book as committed, aggregated by price."""

from dataclasses import dataclass

from django.db.models import Count, Max, Sum

from core.errors import Code, CuxError
from exchange.models import Command, Instrument, Order


@dataclass(frozen=True, slots=True)
class Level:
    """A price in ticks, the open lots at it, and how many orders they are."""

    price_ticks: int
    quantity_lots: int
    orders: int


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The book after the command of number `sequence`, best level first on each side."""

    instrument: str
    phase: str
    sequence: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def book_snapshot(*, symbol: str, depth: int = 20) -> BookSnapshot:
    """Return the best `depth` levels of each side.

    The sequence is read first: the levels are at least as new as it says.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT.
    """
    instrument = Instrument.objects.filter(symbol=symbol).first()
    if instrument is None:
        raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
    sequence = Command.objects.aggregate(last=Max("sequence"))["last"] or 0
    return BookSnapshot(
        instrument=symbol,
        phase=instrument.phase,
        sequence=sequence,
        bids=_levels(instrument, "buy", "-price_ticks", depth),
        asks=_levels(instrument, "sell", "price_ticks", depth),
    )


def _levels(instrument: Instrument, side: str, best_first: str, depth: int) -> tuple[Level, ...]:
    rows = (
        Order.objects.filter(instrument=instrument, status=Order.Status.OPEN, side=side)
        .values("price_ticks")
        .annotate(lots=Sum("leaves_lots"), orders=Count("id"))
        .order_by(best_first)
        .values_list("price_ticks", "lots", "orders")[:depth]
    )
    return tuple(Level(price, lots, orders) for price, lots, orders in rows if price is not None)
