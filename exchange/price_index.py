"""The rule of the CU price index, as told in `docs/index-methodology.md`: integers in, integers out.

Prices are nano-USD per CU. Every division rounds half to even.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from core.money import PPM, mul_div_half_even

UCU_PER_CU: Final = 1_000_000
TRADES_MIN: Final = 5
"""Fewer trades than this are too few for the short window, and for the outlier rule."""
OUTLIER_MADS: Final = 5
"""A price further than this many median absolute deviations from the median is an outlier …"""
MAD_FLOOR_PPM: Final = 10_000
"""… where the deviation counts as at least this share of the median, so that calm markets drop nothing."""


class Method(StrEnum):
    """From what a value was computed: the short window, the long one, or the value before."""

    WINDOW = "window"
    EXTENDED = "extended"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Print:
    """A printed trade, or `trades` of them at one price: what was paid for how much."""

    notional_nano_usd: int
    quantity_ucu: int
    trades: int = 1

    @property
    def price(self) -> int:
        """Return nano-USD per CU."""
        return mul_div_half_even(self.notional_nano_usd, UCU_PER_CU, self.quantity_ucu)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the index, and how many trades and µCU it stands on; `dropped` were outliers."""

    nano_usd_per_cu: int
    method: Method
    trades: int = 0
    dropped: int = 0
    volume_ucu: int = 0


def class_value(
    short: Sequence[Print], long: Sequence[Print], previous_nano_usd_per_cu: int | None
) -> Value | None:
    """Return a class's value from the trades of the short and of the long window; None if nothing is known.

    The short window is used if it has enough trades, else the long one if it has any, else the value before.
    """
    if count(short) >= TRADES_MIN:
        return _average(short, Method.WINDOW)
    if long:
        return _average(long, Method.EXTENDED)
    return _carried(previous_nano_usd_per_cu)


def overall_value(classes: Iterable[Value], previous_nano_usd_per_cu: int | None) -> Value | None:
    """Return the classes' mean weighted by the volume each stands on; one that was carried has none."""
    traded = [value for value in classes if value.volume_ucu]
    volume = sum(value.volume_ucu for value in traded)
    if not volume:
        return _carried(previous_nano_usd_per_cu)
    weighted = sum(value.nano_usd_per_cu * value.volume_ucu for value in traded)
    is_short = all(value.method is Method.WINDOW for value in traded)
    return Value(
        mul_div_half_even(weighted, 1, volume),
        Method.WINDOW if is_short else Method.EXTENDED,
        trades=sum(value.trades for value in traded),
        dropped=sum(value.dropped for value in traded),
        volume_ucu=volume,
    )


def without_outliers(prints: Sequence[Print]) -> list[Print]:
    """Return the trades that are not too far from the others, in their order."""
    if count(prints) < TRADES_MIN:
        return list(prints)
    middle = median([(trade.price, trade.trades) for trade in prints])
    deviation = median([(abs(trade.price - middle), trade.trades) for trade in prints])
    limit = OUTLIER_MADS * max(deviation, mul_div_half_even(middle, MAD_FLOOR_PPM, PPM))
    return [trade for trade in prints if abs(trade.price - middle) <= limit]


def count(prints: Iterable[Print]) -> int:
    """Return how many trades these are."""
    return sum(trade.trades for trade in prints)


def median(values: Iterable[tuple[int, int]]) -> int:
    """Return the middle of the sorted values, each there so many times, or the mean of the two in the middle.

    There is at least one.
    """
    ordered = sorted(values)
    ends = list(accumulate(times for _, times in ordered))
    lower, upper = ((ends[-1] + extra) // 2 for extra in (-1, 0))
    low, high = (ordered[bisect_right(ends, place)][0] for place in (lower, upper))
    return mul_div_half_even(low + high, 1, 2)


def _average(prints: Sequence[Print], method: Method) -> Value:
    kept = without_outliers(prints)
    volume = sum(trade.quantity_ucu for trade in kept)
    paid = sum(trade.notional_nano_usd for trade in kept)
    return Value(
        mul_div_half_even(paid, UCU_PER_CU, volume),
        method,
        trades=count(kept),
        dropped=count(prints) - count(kept),
        volume_ucu=volume,
    )


def _carried(previous_nano_usd_per_cu: int | None) -> Value | None:
    return None if previous_nano_usd_per_cu is None else Value(previous_nano_usd_per_cu, Method.CARRIED)
