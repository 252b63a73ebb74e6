"""What an engine's state is: as msgpack, as a hash, and back to a book."""

import hashlib

import msgspec

from exchange.engine.book import Book
from exchange.engine.orders import Order, Phase
from exchange.engine.phases import PERMISSIONS


class Image(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The state: the phase, the last priority given, and the resting orders, oldest priority first."""

    phase: Phase
    last_priority: int
    orders: list[Order]


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Image)


def decode(snapshot: bytes) -> Image:
    """Read what `encode` wrote. Raises ValueError if it did not."""
    return _decoder.decode(snapshot)


def image(book: Book, phase: Phase) -> Image:
    """The state of a book, with the orders themselves, not copies."""
    return Image(phase, book.last_priority, list(book.orders.values()))


def digest(book: Book, phase: Phase) -> str:
    """SHA-256 in hexadecimal over phase and resting orders by age.

    Ages stand for priority numbers, which a restored engine continues from its youngest resting order.
    """
    orders = [
        (
            o.id,
            o.account,
            o.side,
            o.type,
            o.tif,
            o.price,
            o.qty,
            o.post_only,
            o.stp,
            o.display,
            o.slice,
            o.end,
        )
        for o in book.orders.values()
    ]
    return hashlib.sha256(msgspec.msgpack.encode((phase, orders))).hexdigest()


def book_of(image: Image) -> Book:
    """A book of these very orders. Raises ValueError if they could not rest together in the phase."""
    book = Book()
    for order in image.orders:
        if order.priority <= book.last_priority:
            raise ValueError(f"Priorities must ascend, was {order.priority} after {book.last_priority}")
        if order.id in book.orders or not _can_rest(order):
            raise ValueError(f"order {order.id} cannot rest")
        book.last_priority = order.priority - 1
        book.add(order)
    if PERMISSIONS[image.phase].entry == "matches" and (book.crossed() or book.auction_only()):
        raise ValueError(f"these orders cannot rest in phase {image.phase}")
    book.last_priority = max(book.last_priority, image.last_priority)
    return book


def _can_rest(order: Order) -> bool:
    priced = order.price > 0 or order.type == "market"
    sliced = 0 < order.slice <= min(order.display, order.qty) if order.display else order.slice == 0
    return order.qty > 0 and priced and sliced and order.tif in ("GTC", "GFA")
