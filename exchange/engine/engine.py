"""The engine of one instrument: a pure function of its commands, without clock or randomness."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from exchange.engine import auction
from exchange.engine.book import Book, total
from exchange.engine.checks import refuse_new, refuse_replace
from exchange.engine.events import (
    Accepted,
    BookShown,
    Canceled,
    Event,
    PhaseChanged,
    Rejected,
    Replaced,
)
from exchange.engine.matching import enter
from exchange.engine.orders import Order, Phase, Side


class Engine:
    """A price-time priority order book with phases and a call auction.

    Every command answers with its events: first the one answer (a `Rejected` stands alone and
    nothing has changed), then what the command caused, in the order in which it happened.
    """

    __slots__ = ("_book", "_phase")

    def __init__(self) -> None:
        """Start with an empty book in phase `continuous`."""
        self._book = Book()
        self._phase: Phase = "continuous"

    @classmethod
    def restore(cls, orders: Iterable[Order], phase: Phase) -> "Engine":
        """Rebuild an engine from resting orders, oldest priority first, as `snapshot` gives them.

        Orders are copied and keep their priorities. Raises ValueError if they could not rest
        together: priorities not ascending, an id twice, nothing open, no price, not GTC, or, in
        `continuous`, a market order or a crossed book.
        """
        engine = cls()
        engine._phase = phase
        for order in orders:
            engine._put_back(msgspec.structs.replace(order))
        if phase == "continuous" and (engine._book.crossed() or engine._book.market_orders()):
            raise ValueError("these orders cannot rest in phase continuous")
        return engine

    @property
    def current_phase(self) -> Phase:
        """The trading phase."""
        return self._phase

    def new(self, order: Order) -> list[Event]:
        """Take on an order, which from then on belongs to the engine; match or rest it."""
        reason = refuse_new(self._book, self._phase, order)
        if reason is not None:
            return [Rejected("new", reason, order.id)]
        events: list[Event] = [Accepted(order.id)]
        self._enter(order, events)
        return events

    def cancel(self, id: str) -> list[Event]:
        """Take a resting order out of the book."""
        if self._phase == "halted":
            return [Rejected("cancel", "phase", id)]
        order = self._book.orders.get(id)
        if order is None:
            return [Rejected("cancel", "unknown_order", id)]
        self._book.remove(order)
        canceled = Canceled(id, order.qty, "user")
        order.qty = 0
        return [canceled]

    def replace(self, id: str, price: int, qty: int) -> list[Event]:
        """Give a resting order another price (ticks) and open quantity (lots).

        It keeps its priority at the same price and no larger a quantity, else it enters anew.
        """
        reason = refuse_replace(self._book, self._phase, id, price, qty)
        if reason is not None:
            return [Rejected("replace", reason, id)]
        order = self._book.orders[id]
        keeps = price == order.price and qty <= order.qty
        events: list[Event] = [Replaced(id, price, qty, keeps)]
        if keeps:
            order.qty = qty
            return events
        self._book.remove(order)
        order.price = price
        order.qty = qty
        self._enter(order, events)
        return events

    def phase(self, phase: Phase) -> list[Event]:
        """Change the trading phase; `continuous` needs a book that is not crossed."""
        if phase == "continuous" and self._book.crossed():
            return [Rejected("phase", "crossed_book")]
        self._phase = phase
        events: list[Event] = [PhaseChanged(phase)]
        if phase == "continuous":
            auction.cancel_market_orders(self._book, events)
        return events

    def indicative(self, reference_price: int) -> list[Event]:
        """Say what an uncross would do now."""
        if self._phase != "auction":
            return [Rejected("indicative", "phase")]
        return [auction.indicative(self._book, reference_price)]

    def uncross(self, reference_price: int) -> list[Event]:
        """Execute the auction; the phase stays `auction`."""
        if self._phase != "auction":
            return [Rejected("uncross", "phase")]
        return auction.uncross(self._book, reference_price)

    def book(self) -> list[Event]:
        """Show every resting order."""
        return [BookShown(self._book.bids.shown(), self._book.asks.shown())]

    def order(self, id: str) -> Order | None:
        """The resting order of this id, to read only, or None."""
        return self._book.orders.get(id)

    def orders_of(self, account: str) -> Iterator[Order]:
        """The account's resting orders, oldest priority first; the book must not change meanwhile."""
        return (order for order in self._book.orders.values() if order.account == account)

    def depth(self, levels: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """The best `levels` price levels of bids and asks as (price, total lots, orders)."""
        return self._book.depth(levels)

    def level_lots(self, side: Side, price: int) -> int:
        """Open lots at a price of a side; 0 if there is no such level."""
        book_side = self._book.bids if side == "buy" else self._book.asks
        level = book_side.levels.get(book_side.sign * price)
        return total(level) if level else 0

    def snapshot(self) -> list[Order]:
        """Copies of all resting orders, oldest priority first; with the phase, all that is state."""
        return [msgspec.structs.replace(order) for order in self._book.orders.values()]

    def state_hash(self) -> str:
        """SHA-256 in hexadecimal over all that can influence a future event.

        Each side in the order in which it would trade, and the rank of each order by age instead of
        its priority number, which a restored engine continues from its youngest resting order.
        """
        rank = {id: place for place, id in enumerate(self._book.orders)}
        sides = [
            [
                (o.id, o.account, o.type, o.tif, o.price, o.qty, o.post_only, o.stp, rank[o.id])
                for o in side.in_priority()
            ]
            for side in (self._book.bids, self._book.asks)
        ]
        return hashlib.sha256(msgspec.json.encode((self._phase, *sides))).hexdigest()

    def _enter(self, order: Order, events: list[Event]) -> None:
        if self._phase == "continuous":
            enter(self._book, order, events)
        else:
            self._book.add(order)

    def _put_back(self, order: Order) -> None:
        priority = order.priority
        if priority <= self._book.last_priority:
            raise ValueError(f"Priorities must ascend, was {priority} after {self._book.last_priority}")
        priced = order.price > 0 or order.type == "market"
        if order.id in self._book.orders or order.qty < 1 or not priced or order.tif != "GTC":
            raise ValueError(f"order {order.id} cannot rest")
        self._book.last_priority = priority - 1
        self._book.add(order)
