"""Self-trade prevention: what happens instead of a trade between two orders of one account.

The taker's mode decides; the maker's own is not looked at. A mode that ends the matching takes all
that is left of the taker.
"""

from exchange.engine.book import Book
from exchange.engine.events import Canceled, Event
from exchange.engine.orders import Order


def prevent(book: Book, taker: Order, maker: Order, events: list[Event]) -> None:
    """Cancel what the taker's mode says of the two orders; the mode is not `none`."""
    if taker.stp == "decrement":
        _decrement(book, taker, maker, events)
        return
    if taker.stp != "cancel_taker":
        events.append(book.withdraw(maker, "stp"))
    if taker.stp != "cancel_maker":
        events.append(Canceled(taker.id, taker.qty, "stp"))
        taker.qty = 0


def _decrement(book: Book, taker: Order, maker: Order, events: list[Event]) -> None:
    qty = min(taker.qty, maker.qty)
    events.append(Canceled(maker.id, qty, "decrement"))
    events.append(Canceled(taker.id, qty, "decrement"))
    taker.qty -= qty
    book.take(maker, qty)
