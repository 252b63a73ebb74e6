"""The organisation's orders, money and entitlements. Reading needs the scope `read`, the rest `trade`.

Every call that changes something goes out under an idempotency key, the caller's or a fresh one, which
stays the same when the client repeats it.
"""

from cux.client.call import Call, get, segment, watch, write
from cux.client.views import Balances, Canceled, Order, Page
from cux.wire.orders import EntitlementView, NewOrder, OrderType, ReplaceOrder, SelfTradePrevention, Side
from cux.wire.orders import TimeInForce as Tif
from cux.wire.streams import AccountDelta


def order_place(
    instrument: str,
    side: Side,
    *,
    quantity_lots: int,
    price_ticks: int | None = None,
    type: OrderType = "limit",
    tif: Tif = "GTC",
    client_order_id: str | None = None,
    post_only: bool = False,
    stp: SelfTradePrevention = "cancel_taker",
    idempotency_key: str | None = None,
) -> Call[Order]:
    """Place an order and return it as it stands after matching, with the trades it made.

    Raises ValueError if a limit order has no price or a market order has one.
    """
    order = NewOrder(
        instrument=instrument,
        side=side,
        type=type,
        tif=tif,
        quantity_lots=quantity_lots,
        price_ticks=price_ticks,
        client_order_id=client_order_id,
        post_only=post_only,
        stp=stp,
    )
    return write("POST", "/v1/orders", Order, body=order, idempotency_key=idempotency_key)


def order_replace(
    order_id: str, *, price_ticks: int, quantity_lots: int, idempotency_key: str | None = None
) -> Call[Order]:
    """Give an open order another price and another open quantity."""
    body = ReplaceOrder(price_ticks=price_ticks, quantity_lots=quantity_lots)
    path = f"/v1/orders/{segment(order_id)}/replace"
    return write("POST", path, Order, body=body, idempotency_key=idempotency_key)


def order_cancel(order_id: str, *, idempotency_key: str | None = None) -> Call[Order]:
    """Cancel an open order and return it."""
    return write("DELETE", f"/v1/orders/{segment(order_id)}", Order, idempotency_key=idempotency_key)


def order_cancel_all(*, instrument: str | None = None, idempotency_key: str | None = None) -> Call[Canceled]:
    """Cancel all open orders, of one instrument or of all."""
    params = {"instrument": instrument}
    return write("DELETE", "/v1/orders", Canceled, params=params, idempotency_key=idempotency_key)


def order_get(order_id: str) -> Call[Order]:
    """Return one order with its trades."""
    return get(f"/v1/orders/{segment(order_id)}", Order)


def order_find(client_order_id: str) -> Call[Order]:
    """Return the order of this id of one's own: what became of a try that nobody answered."""
    return get(f"/v1/orders/by-client-id/{segment(client_order_id)}", Order)


def order_list(
    *,
    instrument: str | None = None,
    open_only: bool = False,
    client_order_id: str | None = None,
    page_size: int = 50,
) -> Call[Page[Order]]:
    """Iterate over the orders, newest first; pages are fetched as they are needed."""
    return get(
        "/v1/orders",
        Page[Order],
        instrument=instrument,
        status="open" if open_only else None,
        client_order_id=client_order_id,
        limit=page_size,
    )


def balance_get() -> Call[Balances]:
    """Return the organisation's money."""
    return get("/v1/balances", Balances)


def entitlement_list(*, live_only: bool = False) -> Call[Page[EntitlementView]]:
    """Return the organisation's compute, at most 200: live first (first to expire first), then ended."""
    return get("/v1/entitlements", Page[EntitlementView], status="live" if live_only else None)


def account_stream(*, cancel_on_disconnect: bool = False) -> Call[AccountDelta]:
    """Return the stream of the organisation's orders, fills and wallet: a snapshot, then events."""
    wish = "true" if cancel_on_disconnect else None
    return watch("/v1/stream/account", AccountDelta, cancel_on_disconnect=wish)
