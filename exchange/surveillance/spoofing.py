"""Spoof-like cancels: a large order that is shown and withdrawn while the other side trades."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from exchange.surveillance.facts import REFERENCES_MAX, SECOND_US, Finding, Order, Trade

LIFE_MAX_US: Final = 30 * SECOND_US
"""How long such an order stands at most."""
SIZE_MULTIPLE: Final = 5
"""How many times what the account meanwhile traded on the other side it is at least."""
WITHDRAWN: Final = ("user", "disconnected", "dead_man")
"""Ends that an account brings about itself, by a word or by falling silent."""
TIMES_MIN: Final = 3
"""How often an account has to do it on one side of an instrument."""


def spoof_like_cancels(orders: Iterable[Order], trades: Iterable[Trade]) -> Iterator[Finding]:
    """Find accounts whose large, unfilled orders went away soon after they had traded on the other side."""
    fills = _Fills(trades)
    instances: defaultdict[tuple[str, str, str], list[Order]] = defaultdict(list)
    for order in orders:
        if (
            order.end in WITHDRAWN
            and not order.traded_lots
            and order.ended_us - order.entered_us <= LIFE_MAX_US
        ):
            opposite = fills.opposite_lots(order)
            if 0 < opposite * SIZE_MULTIPLE <= order.quantity_lots:
                instances[order.instrument, order.account, order.side].append(order)
    for (instrument, account, _), found in instances.items():
        if len(found) >= TIMES_MIN:
            yield Finding(
                "spoof_like_cancels",
                instrument,
                (account,),
                min(order.entered_us for order in found),
                max(order.ended_us for order in found),
                {
                    "orders": len(found),
                    "lots_shown": sum(order.quantity_lots for order in found),
                    "lots_traded_opposite": sum(fills.opposite_lots(order) for order in found),
                },
                tuple(order.id for order in found[:REFERENCES_MAX]),
            )


class _Fills:
    """What each account traded on each side of each instrument, summed up over time."""

    def __init__(self, trades: Iterable[Trade]) -> None:
        times: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        lots: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for trade in trades:
            for account, side in ((trade.buyer, "buy"), (trade.seller, "sell")):
                times[trade.instrument, account, side].append(trade.at_us)
                lots[trade.instrument, account, side].append(trade.quantity_lots)
        self._times = times
        self._sums = {key: [0, *accumulate(some)] for key, some in lots.items()}

    def opposite_lots(self, order: Order) -> int:
        """Return what the order's account traded on the other side while the order stood."""
        key = (order.instrument, order.account, "sell" if order.side == "buy" else "buy")
        if key not in self._sums:
            return 0
        start = bisect_left(self._times[key], order.entered_us)
        end = bisect_right(self._times[key], order.ended_us)
        return self._sums[key][end] - self._sums[key][start]
