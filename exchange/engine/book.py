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

from exchange.engine.events import BookLevel, Canceled, CancelReason
from exchange.engine.orders import Order

NO_LIMIT = -(1 << 63)
"""A key below that of every price: what a market order is ready to trade at."""


class Level(OrderedDict[str, Order]):
    """The orders at one price by id, oldest first, and the lots they show in all."""

    __slots__ = ("lots",)

    lots: int


class BookSide:
    """Bids, asks or offers for resale: limit levels by price, and before them an auction's market orders."""

    __slots__ = ("keys", "levels", "market", "sign")

    def __init__(self, sign: int) -> None:
        """Make an empty side; `sign` is 1 for bids and -1 for asks."""
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}
        self.market: OrderedDict[str, Order] = OrderedDict()

    def insert(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        if order.type == "market":
            self.market[order.id] = order
            return
        key = self.sign * order.price
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level()
            level.lots = 0
            insort(self.keys, key)
        level[order.id] = order
        level.lots += order.slice or order.qty

    def remove(self, order: Order) -> None:
        """Take out a resting order, and its level with the last one."""
        if order.type == "market":
            del self.market[order.id]
            return
        key = self.sign * order.price
        level = self.levels[key]
        del level[order.id]
        level.lots -= order.slice or order.qty
        if not level:
            del self.levels[key]
            if key == self.keys[-1]:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]

    def drop_before(self, last: Order) -> None:
        """Forget every order that would trade before this one, which rests here."""
        queue = self.market
        if last.type == "limit":
            self.market.clear()
            place = bisect_left(self.keys, self.sign * last.price) + 1
            for key in self.keys[place:]:
                del self.levels[key]
            del self.keys[place:]
            queue = self.levels[self.keys[-1]]
        while (order := next(iter(queue.values()))) is not last:
            del queue[order.id]
            self.show(order, -(order.slice or order.qty))

    def show(self, order: Order, more_lots: int) -> None:
        """Count more lots (or, negative, fewer) as shown at the order's price."""
        if order.type == "limit":
            self.levels[self.sign * order.price].lots += more_lots

    def reached_by(self, price: int) -> bool:
        """Whether an order of the other side with this limit would trade with the best limit here."""
        return bool(self.keys) and self.keys[-1] >= self.sign * price

    def in_priority(self) -> Iterator[Order]:
        """Every order in the order in which it would trade."""
        yield from self.market.values()
        for key in reversed(self.keys):
            yield from self.levels[key].values()

    def totals(self) -> dict[int, int]:
        """Open lots by limit price, hidden ones included."""
        return {
            self.sign * key: sum([order.qty for order in level.values()])
            for key, level in self.levels.items()
        }

    def lots_at(self, price: int) -> int:
        """Lots shown at a price, 0 if there is no such level."""
        level = self.levels.get(self.sign * price)
        return level.lots if level is not None else 0

    def depth(self, levels: int) -> list[tuple[int, int, int]]:
        """(price, shown lots, orders) of the best limit levels."""
        best = self.keys[: -levels - 1 : -1]
        return [(self.sign * key, self.levels[key].lots, len(self.levels[key])) for key in best]

    def shown(self) -> list[BookLevel]:
        """Every level with all its lots and order ids, best first; market orders first under price None."""
        shown: list[BookLevel] = [_shown(None, self.market)] if self.market else []
        return shown + [_shown(self.sign * key, self.levels[key]) for key in reversed(self.keys)]


class Book:
    """The sides and every resting order by id.

    `orders` is always in priority order, oldest first: an order that enters goes to its end.
    """

    __slots__ = ("asks", "bids", "last_priority", "orders", "resales")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.resales = BookSide(-1)
        self.orders: dict[str, Order] = {}
        self.last_priority = 0

    def side_of(self, order: Order) -> BookSide:
        """The side on which the order rests."""
        if order.side == "buy":
            return self.bids
        return self.resales if order.end else self.asks

    def opposite(self, order: Order) -> BookSide:
        """The ordinary side with which the order trades."""
        return self.asks if order.side == "buy" else self.bids

    def add(self, order: Order) -> None:
        """Let an order enter with the youngest priority; an iceberg without a slice gets one.

        Here and below the side is found without `side_of`: a call less on the way of every message.
        """
        order.priority = self.last_priority = self.last_priority + 1
        if order.display and not order.slice:
            order.slice = min(order.display, order.qty)
        self.orders[order.id] = order
        (self.bids if order.side == "buy" else self.resales if order.end else self.asks).insert(order)

    def remove(self, order: Order) -> None:
        """Take out a resting order."""
        del self.orders[order.id]
        (self.bids if order.side == "buy" else self.resales if order.end else self.asks).remove(order)

    def withdraw(self, order: Order, reason: CancelReason) -> Canceled:
        """Take out a resting order with all that is open of it; the event that tells."""
        del self.orders[order.id]
        (self.bids if order.side == "buy" else self.resales if order.end else self.asks).remove(order)
        canceled = Canceled(order.id, order.qty, reason)
        order.qty = 0
        return canceled

    def fill(self, order: Order, lots: int) -> None:
        """Trade lots that the order shows. One that has no more shown goes behind all with its next slice."""
        if lots == order.qty:
            self.remove(order)
            order.qty = 0
        elif lots == order.slice:
            self.remove(order)
            order.qty -= lots
            order.slice = 0
            self.add(order)
        else:
            order.qty -= lots
            self.side_of(order).show(order, -lots)
            if order.slice:
                order.slice -= lots

    def take(self, order: Order, lots: int) -> None:
        """Take open lots off an order, hidden ones first; what is left keeps its priority."""
        if lots == order.qty:
            self.remove(order)
            order.qty = 0
            return
        shown = order.slice or order.qty
        order.qty -= lots
        order.slice = min(order.slice, order.qty)
        self.side_of(order).show(order, (order.slice or order.qty) - shown)

    def take_best(self, side: BookSide, lots: int) -> list[tuple[Order, int]]:
        """Take lots, which must be there, off the best orders of a side; them, best first, with the lots."""
        taken = []
        for order in side.in_priority():
            taken.append((order, min(order.qty, lots)))
            lots -= order.qty
            if lots <= 0:
                break
        side.drop_before(order)
        for order, _ in taken[:-1]:
            del self.orders[order.id]
            order.qty = 0
        self.take(*taken[-1])
        return taken

    def auction_only(self) -> list[Order]:
        """Orders that rest for an auction and not beyond, oldest priority first."""
        return [order for order in self.orders.values() if order.type == "market" or order.tif == "GFA"]

    def crossed(self) -> bool:
        """Whether the best bid and the best ask could trade; a market order could with anything."""
        bids, asks = self.bids, self.asks
        if bids.market or asks.market:
            return bool((bids.market or bids.keys) and (asks.market or asks.keys))
        return bool(bids.keys and asks.keys) and bids.keys[-1] + asks.keys[-1] >= 0


def _shown(price: int | None, queue: OrderedDict[str, Order]) -> BookLevel:
    return price, sum([order.qty for order in queue.values()]), list(queue)
