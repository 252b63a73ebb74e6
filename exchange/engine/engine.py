"""The engine of one instrument: a pure function of its commands, without clock or randomness."""

from collections.abc import Iterable

import msgspec

from exchange.engine import auction, state
from exchange.engine.book import Book
from exchange.engine.checks import refuse_new, refuse_replace
from exchange.engine.events import (
    Accepted,
    BookShown,
    Event,
    PhaseChanged,
    Rejected,
    Replaced,
)
from exchange.engine.matching import Meeting, enter, meetings, touched
from exchange.engine.orders import Order, Phase, Side
from exchange.engine.phases import PERMISSIONS


class Engine:
    """A price-time priority order book with phases and a call auction.

    Every command answers with its events: first the one answer (a `Rejected` stands alone and
    nothing has changed), then what the command caused, in the order in which it happened.
    """

    __slots__ = ("_book", "_permission", "_phase")

    def __init__(self) -> None:
        """Start with an empty book in phase `continuous`."""
        self._book = Book()
        self._phase: Phase = "continuous"
        self._permission = PERMISSIONS["continuous"]

    # Commands

    def new(self, order: Order) -> list[Event]:
        """Take on an order, which from then on belongs to the engine; match or rest it."""
        reason = refuse_new(self._book, self._permission, order)
        if reason is not None:
            return [Rejected("new", reason, order.id)]
        events: list[Event] = [Accepted(order.id)]
        if self._permission.entry == "matches":
            enter(self._book, order, events)
        else:
            self._book.add(order)
        return events

    def cancel(self, id: str) -> list[Event]:
        """Take a resting order out of the book for its owner."""
        if not self._permission.cancel:
            return [Rejected("cancel", "phase", id)]
        order = self._book.orders.get(id)
        if order is None:
            return [Rejected("cancel", "unknown_order", id)]
        return [self._book.withdraw(order, "user")]

    def expire(self, id: str) -> list[Event]:
        """Take a resting order out of the book because its time is over, in whatever phase."""
        order = self._book.orders.get(id)
        if order is None:
            return [Rejected("expire", "unknown_order", id)]
        return [self._book.withdraw(order, "expired")]

    def replace(self, id: str, price: int, qty: int) -> list[Event]:
        """Give a resting order another price (ticks) and open quantity (lots).

        It keeps its priority at the same price and no larger a quantity, else it enters anew.
        """
        reason = refuse_replace(self._book, self._permission, id, price, qty)
        if reason is not None:
            return [Rejected("replace", reason, id)]
        order = self._book.orders[id]
        keeps = price == order.price and qty <= order.qty
        events: list[Event] = [Replaced(id, price, qty, keeps)]
        if keeps:
            self._book.take(order, order.qty - qty)
            return events
        self._book.remove(order)
        order.price, order.qty, order.slice = price, qty, 0
        if self._permission.entry == "matches":
            enter(self._book, order, events)
        else:
            self._book.add(order)
        return events

    def phase(self, phase: Phase) -> list[Event]:
        """Change the trading phase; `continuous` needs a book that is not crossed."""
        if phase == "continuous" and self._book.crossed():
            return [Rejected("phase", "crossed_book")]
        self._set_phase(phase)
        events: list[Event] = [PhaseChanged(phase)]
        if phase == "continuous":
            auction.cancel_auction_only(self._book, events)
        return events

    def indicative(self, reference_price: int) -> list[Event]:
        """Say what an uncross would do now, in any phase in which orders only rest."""
        if self._permission.entry != "rests":
            return [Rejected("indicative", "phase")]
        return [auction.indicative(self._book, reference_price)]

    def uncross(self, reference_price: int) -> list[Event]:
        """Execute the auction; the phase stays."""
        if self._permission.entry != "rests":
            return [Rejected("uncross", "phase")]
        return auction.uncross(self._book, reference_price)

    # Questions: nothing changes

    @property
    def current_phase(self) -> Phase:
        """The trading phase."""
        return self._phase

    def book(self) -> list[Event]:
        """Show every resting order."""
        book = self._book
        return [BookShown(book.bids.shown(), book.asks.shown(), book.resales.shown())]

    def order(self, id: str) -> Order | None:
        """The resting order of this id, to read only, or None."""
        return self._book.orders.get(id)

    def depth(self, levels: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """The best `levels` price levels of bids and asks as (price, shown lots, orders)."""
        return self._book.bids.depth(levels), self._book.asks.depth(levels)

    def level_lots(self, side: Side, price: int) -> int:
        """The lots shown at a price (ticks), 0 if none; what is offered for resale is not shown."""
        return (self._book.bids if side == "buy" else self._book.asks).lots_at(price)

    def reach(self, order: Order) -> tuple[int, int] | None:
        """The first and the worst price (ticks) at which this order would trade with orders of the ordinary
        book if it came now; None: it would not."""
        prices = [maker.price for maker, lots in self._meetings(order) if lots and not maker.end]
        return (prices[0], prices[-1]) if prices else None

    def meets(self, order: Order) -> int:
        """How often this order would meet another if it came now, each slice of an iceberg counted."""
        return len(self._meetings(order))

    def excerpt(self, order: Order) -> "Engine":
        """An engine with copies of those resting orders only that this order would meet if it came now.

        There it does what it would do here, at the cost of what it touches.
        """
        met = touched(self._book, order) if self._permission.entry == "matches" else []
        oldest_first = sorted({maker.priority: maker for maker in met}.items())
        return Engine.restore((maker for _, maker in oldest_first), self._phase)

    def _meetings(self, order: Order) -> list[Meeting]:
        return meetings(self._book, order) if self._permission.entry == "matches" else []

    # State

    @classmethod
    def restore(cls, orders: Iterable[Order], phase: Phase) -> "Engine":
        """Rebuild an engine from resting orders, oldest priority first, as `snapshot` gives them.

        Orders are copied and keep their priorities. Raises ValueError if they could not rest
        together: priorities not ascending, an id twice, nothing open, no price, not GTC or GFA, a slice
        that does not fit, or, in `continuous`, an order for auctions only or a crossed book.
        """
        return cls._from(state.Image(phase, 0, [msgspec.structs.replace(order) for order in orders]))

    @classmethod
    def restore_bytes(cls, snapshot: bytes) -> "Engine":
        """Rebuild an engine from `snapshot_bytes`. ValueError as for `restore`, or if it is none."""
        return cls._from(state.decode(snapshot))

    def snapshot(self) -> list[Order]:
        """Copies of all resting orders, oldest priority first; with the phase, all that is state."""
        return [msgspec.structs.replace(order) for order in self._book.orders.values()]

    def snapshot_bytes(self) -> bytes:
        """All that is state, as msgpack."""
        return state.encode(state.image(self._book, self._phase))

    def state_hash(self) -> str:
        """SHA-256 in hexadecimal over all that can influence a future event."""
        return state.digest(self._book, self._phase)

    @classmethod
    def _from(cls, image: state.Image) -> "Engine":
        engine = cls()
        engine._book = state.book_of(image)
        engine._set_phase(image.phase)
        return engine

    def _set_phase(self, phase: Phase) -> None:
        self._phase = phase
        self._permission = PERMISSIONS[phase]
