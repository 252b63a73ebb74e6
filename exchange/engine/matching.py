"""Continuous matching: an incoming order takes from the other side, best price and oldest first.

One walk over the book tells whom an order meets and how many lots they trade. Whether it may trade at
all (FOK, minimum quantity), how far it reaches and its trades all follow from that list.
"""

from collections.abc import Generator, Iterable, Iterator
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from typing import TypeAlias

from exchange.engine.book import NO_LIMIT, Book
from exchange.engine.events import Canceled, CancelReason, Event, Trade
from exchange.engine.orders import Order
from exchange.engine.stp import prevent

Meeting: TypeAlias = tuple[Order, int]
"""A maker and the lots to trade with it; 0 lots: self-trade prevention steps in instead."""


def enter(book: Book, order: Order, events: list[Event]) -> None:
    """Match an accepted order as the taker, then rest or cancel what is left of it."""
    if order.tif != "GTC":
        _enter_once(book, order, events)
        return
    opposite = book.asks if order.side == "buy" else book.bids
    if opposite.keys and opposite.keys[-1] >= opposite.sign * order.price and not order.end:
        _trade(book, order, list(_walk(book, order)), events)
    if order.qty:
        book.add(order)


def meetings(book: Book, order: Order) -> list[Meeting]:
    """Whom the order would meet if it entered now; nothing changes."""
    if order.end:
        return []
    met = _meetings(book, order)
    return [] if _killed(order, met) else met


def touched(book: Book, order: Order) -> list[Order]:
    """The makers that the order would meet, and the next one, for which its budget may be too small."""
    return [maker for maker, _ in islice(_walk(book, order), len(meetings(book, order)) + 1)]


def _enter_once(book: Book, order: Order, events: list[Event]) -> None:
    """Trade an order that does not rest, if it trades enough, and cancel what is left."""
    met = _meetings(book, order)
    reason = _killed(order, met)
    if reason is None:
        _trade(book, order, met, events)
        reason = "budget" if order.budget and any(_walk(book, order)) else "ioc"
    if order.qty:
        events.append(Canceled(order.id, order.qty, reason))
        order.qty = 0


def _trade(book: Book, taker: Order, met: list[Meeting], events: list[Event]) -> None:
    selective = bool(taker.only or taker.ignore)
    for maker, lots in met:
        if lots:
            events.append(Trade(maker.id, taker.id, maker.price, lots, False, selective, maker.end > 0))
            taker.qty -= lots
            book.fill(maker, lots)
        else:
            prevent(book, taker, maker, events)


def _killed(order: Order, met: list[Meeting]) -> CancelReason | None:
    """Why an order that trades too little must not trade at all, or None."""
    if order.tif == "FOK" or order.min_qty:
        lots = sum(lots for _, lots in met)
        if order.tif == "FOK" and lots < order.qty:
            return "fok"
        if lots < order.min_qty:
            return "min_qty"
    return None


def _meetings(book: Book, taker: Order) -> list[Meeting]:
    """Whom the taker meets until it is filled, or its limit or its budget ends."""
    keys = book.opposite(taker).keys
    if not (keys and keys[-1] >= _worst_key(book, taker)) and not taker.min_end:
        return []
    walk = _walk(book, taker)
    return list(_affordable(walk, taker.budget) if taker.budget else walk)


def _affordable(walk: Iterator[Meeting], budget: int) -> Iterator[Meeting]:
    """The meetings that a budget in ticks times lots pays for, the last one cut to size."""
    for maker, lots in walk:
        affordable = min(lots, budget // maker.price)
        if maker.price > budget:
            return
        yield maker, affordable
        if affordable < lots:
            return
        budget -= affordable * maker.price


def _walk(book: Book, taker: Order) -> Iterator[Meeting]:
    left, account, prevents = taker.qty, taker.account, taker.stp != "none"
    for queue in _queues(book, taker):
        icebergs = []
        for maker in queue:
            if prevents and maker.account == account:
                yield maker, 0
                left -= _prevented_lots(taker, maker, left)
            else:
                lots = maker.slice or maker.qty
                if lots >= left:
                    yield maker, left
                    return
                yield maker, lots
                left -= lots
                if maker.slice:
                    icebergs.append((maker, maker.qty - maker.slice))
            if not left:
                return
        if icebergs:
            left = yield from _refreshed(icebergs, left)
            if not left:
                return


def _prevented_lots(taker: Order, maker: Order, left: int) -> int:
    """Lots that self-trade prevention takes off the taker."""
    if taker.stp == "decrement":
        return min(left, maker.qty)
    return 0 if taker.stp == "cancel_maker" else left


def _refreshed(icebergs: list[tuple[Order, int]], left: int) -> Generator[Meeting, None, int]:
    """The next slices of a level's icebergs in turn, each with its hidden lots; returns what is left."""
    for maker, hidden in icebergs:
        lots = min(maker.display, hidden, left)
        if lots:
            yield maker, lots
            left -= lots
            icebergs.append((maker, hidden - lots))
    return left


def _queues(book: Book, taker: Order) -> Iterator[Iterable[Order]]:
    """The orders that the taker may trade with, oldest first, level by level from the best."""
    if taker.only or taker.ignore or taker.min_end:
        yield from _eligible_queues(book, taker)
        return
    opposite, worst_key = book.opposite(taker), _worst_key(book, taker)
    for key in reversed(opposite.keys):
        if key < worst_key:
            return
        yield opposite.levels[key].values()


def _worst_key(book: Book, taker: Order) -> int:
    return book.opposite(taker).sign * taker.price if taker.type == "limit" else NO_LIMIT


def _eligible_queues(book: Book, taker: Order) -> Iterator[Iterable[Order]]:
    """As `_queues`, passing over makers that the taker does not want, and with resales where it asks."""
    sides = [book.opposite(taker), book.resales] if taker.min_end else [book.opposite(taker)]
    worst_key = _worst_key(book, taker)
    for key, _ in groupby(merge(*(reversed(side.keys) for side in sides), reverse=True)):
        if key < worst_key:
            return
        levels = [side.levels[key] for side in sides if key in side.levels]
        queue = [maker for level in levels for maker in level.values() if _wants(taker, maker)]
        yield sorted(queue, key=attrgetter("priority"))


def _wants(taker: Order, maker: Order) -> bool:
    return (
        (not taker.only or maker.account in taker.only)
        and maker.account not in taker.ignore
        and (not maker.end or maker.end >= taker.min_end)
    )
