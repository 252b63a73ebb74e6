"""Continuous matching: an incoming order takes from the other side, best price and oldest first."""

from exchange.engine.book import NO_LIMIT, Book, BookSide
from exchange.engine.events import Canceled, Event, Trade
from exchange.engine.orders import Order
from exchange.engine.stp import prevent


def enter(book: Book, order: Order, events: list[Event]) -> None:
    """Match an accepted order as the taker, then rest or cancel what is left of it."""
    opposite = book.opposite(order)
    worst_key = opposite.sign * order.price if order.type == "limit" else NO_LIMIT
    if opposite.keys and opposite.keys[-1] >= worst_key:
        if order.tif == "FOK" and not _can_fill(order, opposite, worst_key):
            _cancel_rest(order, events)
            return
        _take(book, order, opposite, worst_key, events)
    if order.qty:
        if order.tif == "GTC":
            book.add(order)
        else:
            _cancel_rest(order, events)


def _take(book: Book, taker: Order, opposite: BookSide, worst_key: int, events: list[Event]) -> None:
    """Trade while the taker has quantity and the best opposite price is within its limit."""
    keys, levels = opposite.keys, opposite.levels
    prevents = taker.stp != "none"
    while taker.qty and keys and keys[-1] >= worst_key:
        maker = next(iter(levels[keys[-1]].values()))
        if prevents and maker.account == taker.account:
            prevent(book, taker, maker, events)
            continue
        qty = taker.qty if taker.qty < maker.qty else maker.qty
        events.append(Trade(maker.id, taker.id, maker.price, qty))
        taker.qty -= qty
        maker.qty -= qty
        if not maker.qty:
            book.remove(maker)


def _can_fill(taker: Order, opposite: BookSide, worst_key: int) -> bool:
    """Whether the whole quantity could be filled by trades, given limit and self-trade mode."""
    wanted = taker.qty
    for key in reversed(opposite.keys):
        if key < worst_key:
            break
        for maker in opposite.levels[key].values():
            if taker.stp != "none" and maker.account == taker.account:
                if taker.stp == "cancel_maker":
                    continue
                return False
            wanted -= maker.qty
            if wanted <= 0:
                return True
    return False


def _cancel_rest(order: Order, events: list[Event]) -> None:
    events.append(Canceled(order.id, order.qty, "fok" if order.tif == "FOK" else "ioc"))
    order.qty = 0
