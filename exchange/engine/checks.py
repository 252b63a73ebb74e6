"""Why a command is refused: the checks of the protocol, in its order; the first that fails counts."""

from collections.abc import Callable

from exchange.engine.book import Book
from exchange.engine.events import RejectReason
from exchange.engine.orders import Order
from exchange.engine.phases import Permission

MAX_SLICES = 100
"""An iceberg may not trade in more slices than this: each is an event of its own."""

_LIMIT_TIFS = {"matches": {"GTC", "IOC", "FOK"}, "rests": {"GTC", "GFA"}, "none": set[str]()}
_MARKET_TIFS = _LIMIT_TIFS | {"matches": {"IOC", "FOK"}}
"""Times in force that may enter; where nothing may, it is because of the phase."""
_OPTIONS: list[tuple[RejectReason, Callable[[Order], bool]]] = [
    ("invalid_post_only", lambda o: o.post_only and (_is_immediate(o) or o.type == "market")),
    ("invalid_display", lambda o: o.display < 0 or o.slice != 0 or o.qty > (o.display or o.qty) * MAX_SLICES),
    ("invalid_display", lambda o: o.display > 0 and (_is_immediate(o) or o.type == "market" or o.end != 0)),
    ("invalid_min_qty", lambda o: not 0 <= o.min_qty <= o.qty or (o.min_qty > 0 and not _is_immediate(o))),
    ("invalid_eligibility", lambda o: bool(o.only or o.ignore) and not _is_immediate(o)),
    ("invalid_budget", lambda o: o.budget < 0),
    ("invalid_budget", lambda o: o.budget > 0 and (o.side == "sell" or not _is_immediate(o))),
    ("invalid_window", lambda o: o.end < 0 or o.min_end < 0),
    ("invalid_window", lambda o: o.end > 0 and (o.side == "buy" or o.tif != "GTC" or o.type == "market")),
    ("invalid_window", lambda o: o.end > 0 and o.post_only),
    ("invalid_window", lambda o: o.min_end > 0 and (o.side == "sell" or not _is_immediate(o))),
]


def refuse_new(book: Book, permission: Permission, order: Order) -> RejectReason | None:
    """The reason to reject a new order, or None."""
    if order.qty < 1:
        return "invalid_qty"
    if order.type == "limit":
        if order.price < 1:
            return "invalid_price"
        tifs = _LIMIT_TIFS[permission.entry]
    else:
        tifs = _MARKET_TIFS[permission.entry]
    if (
        order.post_only
        or order.display
        or order.slice
        or order.end
        or order.min_qty
        or order.only
        or order.ignore
        or order.min_end
        or order.budget
    ):
        reason = next((reason for reason, fails in _OPTIONS if fails(order)), None)
        if reason is not None:
            return reason
    if not tifs:
        return "phase"
    if order.tif not in tifs:
        return "invalid_tif"
    if order.id in book.orders:
        return "duplicate_id"
    if order.post_only and permission.entry == "matches" and book.opposite(order).reached_by(order.price):
        return "post_only_would_take"
    return None


def refuse_replace(book: Book, permission: Permission, id: str, price: int, qty: int) -> RejectReason | None:
    """The reason to reject a replace, or None."""
    if qty < 1:
        return "invalid_qty"
    if price < 1:
        return "invalid_price"
    if permission.entry == "none":
        return "phase"
    order = book.orders.get(id)
    if order is None:
        return "unknown_order"
    if order.type == "market":
        return "market_order"
    if order.display and qty > order.display * MAX_SLICES:
        return "invalid_display"
    if permission.improving and _is_worse(order, price, qty):
        return "not_improving"
    if order.post_only and permission.entry == "matches" and book.opposite(order).reached_by(price):
        return "post_only_would_take"
    return None


def _is_immediate(order: Order) -> bool:
    """Whether the order never rests."""
    return order.tif in ("IOC", "FOK")


def _is_worse(order: Order, price: int, qty: int) -> bool:
    further = price < order.price if order.side == "buy" else price > order.price
    return further or qty < order.qty
