"""Why a command is refused: the checks of the protocol, in its order; the first that fails counts."""

from exchange.engine.book import Book
from exchange.engine.events import RejectReason
from exchange.engine.orders import Order, Phase


def refuse_new(book: Book, phase: Phase, order: Order) -> RejectReason | None:
    """The reason to reject a new order, or None."""
    if order.qty < 1:
        return "invalid_qty"
    if order.type == "limit" and order.price < 1:
        return "invalid_price"
    if order.post_only and (order.type == "market" or order.tif != "GTC"):
        return "invalid_post_only"
    if phase in ("cancel_only", "halted"):
        return "phase"
    if (order.tif != "GTC") if phase == "auction" else (order.type == "market" and order.tif == "GTC"):
        return "invalid_tif"
    if order.id in book.orders:
        return "duplicate_id"
    if order.post_only and phase == "continuous" and book.opposite(order).reached_by(order.price):
        return "post_only_would_take"
    return None


def refuse_replace(book: Book, phase: Phase, id: str, price: int, qty: int) -> RejectReason | None:
    """The reason to reject a replace, or None."""
    if qty < 1:
        return "invalid_qty"
    if price < 1:
        return "invalid_price"
    if phase in ("cancel_only", "halted"):
        return "phase"
    order = book.orders.get(id)
    if order is None:
        return "unknown_order"
    if order.type == "market":
        return "market_order"
    if order.post_only and phase == "continuous" and book.opposite(order).reached_by(price):
        return "post_only_would_take"
    return None
