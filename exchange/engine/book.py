"""Resting orders in price-time priority.

Both sides are the same code: a level's key is its price on the bid side and minus its price on the
ask side, so the greater key is the better price on either. Keys are kept in one sorted list with
the best at its end. Finding a place costs O(log levels) and a short memory move; the best level and
the oldest order of a level are at hand in O(1), and so is taking out any order by id (a plain dict
would walk over the gaps that filled orders leave at its front, an OrderedDict does not).
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

from exchange.engine.events import BookLevel
from exchange.engine.orders import Order

Queue: TypeAlias = OrderedDict[str, Order]
NO_LIMIT = -(1 << 63)
"""A key below that of every price: what a market order is ready to trade at."""


class BookSide:
    """The bids or the asks: limit levels by price, and before them the market orders of an auction."""

    __slots__ = ("keys", "levels", "market", "sign")

    def __init__(self, sign: int) -> None:
        """Make an empty side; `sign` is 1 for bids and -1 for asks."""
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Queue] = {}
        self.market: Queue = OrderedDict()

    def insert(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        if order.type == "market":
            self.market[order.id] = order
            return
        key = self.sign * order.price
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = OrderedDict()
            insort(self.keys, key)
        level[order.id] = order

    def remove(self, order: Order) -> None:
        """Take out a resting order, and its level with the last one."""
        if order.type == "market":
            del self.market[order.id]
            return
        key = self.sign * order.price
        level = self.levels[key]
        del level[order.id]
        if not level:
            del self.levels[key]
            del self.keys[bisect_left(self.keys, key)]

    def first(self) -> Order:
        """The order that trades next, market orders before limits. KeyError or IndexError if empty."""
        queue = self.market or self.levels[self.keys[-1]]
        return next(iter(queue.values()))

    def reached_by(self, price: int) -> bool:
        """Whether an order of the other side with this limit would trade with the best limit here."""
        return bool(self.keys) and self.keys[-1] >= self.sign * price

    def in_priority(self) -> Iterator[Order]:
        """Every order in the order in which it would trade."""
        yield from self.market.values()
        for key in reversed(self.keys):
            yield from self.levels[key].values()

    def quantities(self) -> Iterator[tuple[int, int, int]]:
        """(price, total lots, orders) of each limit level, best first."""
        for key in reversed(self.keys):
            level = self.levels[key]
            yield self.sign * key, total(level), len(level)

    def shown(self) -> list[BookLevel]:
        """Every level with its order ids, best first; market orders come first under the price None."""
        shown: list[BookLevel] = [(None, total(self.market), list(self.market))] if self.market else []
        for key in reversed(self.keys):
            level = self.levels[key]
            shown.append((self.sign * key, total(level), list(level)))
        return shown


class Book:
    """Both sides and every resting order by id.

    `orders` is always in priority order, oldest first: an order that enters goes to its end.
    """

    __slots__ = ("asks", "bids", "last_priority", "orders")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.orders: dict[str, Order] = {}
        self.last_priority = 0

    def opposite(self, order: Order) -> BookSide:
        """The side with which the order trades."""
        return self.asks if order.side == "buy" else self.bids

    def add(self, order: Order) -> None:
        """Let an order enter with the youngest priority."""
        self.last_priority += 1
        order.priority = self.last_priority
        self.orders[order.id] = order
        (self.bids if order.side == "buy" else self.asks).insert(order)

    def remove(self, order: Order) -> None:
        """Take out a resting order."""
        del self.orders[order.id]
        (self.bids if order.side == "buy" else self.asks).remove(order)

    def market_orders(self) -> list[Order]:
        """Resting market orders of both sides, oldest priority first."""
        both = [*self.bids.market.values(), *self.asks.market.values()]
        return sorted(both, key=lambda order: order.priority)

    def crossed(self) -> bool:
        """Whether the best bid and the best ask could trade; a market order could with anything."""
        bids, asks = self.bids, self.asks
        if bids.market or asks.market:
            return bool((bids.market or bids.keys) and (asks.market or asks.keys))
        return bool(bids.keys and asks.keys) and bids.keys[-1] + asks.keys[-1] >= 0

    def depth(self, levels: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """The best `levels` limit levels of bids and asks as (price, total lots, orders)."""
        return list(islice(self.bids.quantities(), levels)), list(islice(self.asks.quantities(), levels))


def total(queue: Queue) -> int:
    """Open lots of all orders of a level."""
    return sum(order.qty for order in queue.values())
