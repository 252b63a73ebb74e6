"""The organisation's orders, money and entitlements. Reading needs the scope `read`, the rest `trade`.

Every call that changes something goes out under an idempotency key, the caller's or a fresh one, which
stays the same when the client repeats it.
"""

from collections.abc import Sequence
from typing import TypedDict, Unpack

import msgspec

from cux.client.call import Call, get, segment, watch, write
from cux.client.views import Balances, Order, Page
from cux.wire.batches import Batch, BatchItem, BatchView, CanceledView, PreviewView
from cux.wire.orders import (
    EntitlementView,
    NewOrder,
    OrderType,
    PaperFunds,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
)
from cux.wire.orders import TimeInForce as Tif
from cux.wire.streams import AccountDelta


class OrderTerms(TypedDict, total=False):
    """The terms of an order, as `cux.wire.orders.NewOrder` has them; see `docs/trading-rules.md`."""

    quantity_lots: int | None
    price_ticks: int | None
    budget_nano_usd: int | None
    type: OrderType
    tif: Tif
    client_order_id: str | None
    post_only: bool
    stp: SelfTradePrevention
    expires_at: str | None
    display_lots: int | None
    min_lots: int | None
    all_or_none: bool
    only_providers: list[str]
    ignore_providers: list[str]
    min_window_s: int | None


def order_place(
    instrument: str, side: Side, *, idempotency_key: str | None = None, **terms: Unpack[OrderTerms]
) -> Call[Order]:
    """Place an order and return it as it stands after matching, with the trades it made.

    For terms see `OrderTerms`. Raises ValueError if a limit order has no price, or an order no size.
    """
    order = NewOrder(instrument=instrument, side=side, **terms)
    return write("POST", "/v1/orders", Order, body=order, idempotency_key=idempotency_key)


def order_preview(instrument: str, side: Side, **terms: Unpack[OrderTerms]) -> Call[PreviewView]:
    """Return what an order would come to now; nothing is placed. For terms see `OrderTerms`."""
    body = msgspec.json.encode(NewOrder(instrument=instrument, side=side, **terms))
    path = "/v1/orders/preview"
    return Call(method="POST", path=path, shape=PreviewView, body=body, changes_nothing=True)


def order_batch(items: Sequence[BatchItem], *, idempotency_key: str | None = None) -> Call[BatchView]:
    """Have up to 200 orders, cancellations and replacements decided in turn, each with its own result."""
    body = Batch(items=list(items))
    return write("POST", "/v1/orders/batch", BatchView, body=body, idempotency_key=idempotency_key)


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


def order_cancel_all(
    *,
    instrument: str | None = None,
    side: Side | None = None,
    client_order_id_prefix: str | None = None,
    idempotency_key: str | None = None,
) -> Call[CanceledView]:
    """Cancel all open orders, or those of an instrument, of a side, whose `client_order_id` begins so."""
    params = {"instrument": instrument, "side": side, "client_order_id_prefix": client_order_id_prefix}
    return write("DELETE", "/v1/orders", CanceledView, params=params, idempotency_key=idempotency_key)


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


def balance_get(*, as_of: str | None = None) -> Call[Balances]:
    """Return the organisation's money, now or as it was booked at a moment (RFC 3339, UTC)."""
    return get("/v1/balances", Balances, as_of=as_of)


def paper_fund(amount_nano_usd: int, *, idempotency_key: str | None = None) -> Call[PaperFunds]:
    """Ask for paper money, on a test market; it reaches the balance within seconds."""
    body = PaperFunds(amount_nano_usd=amount_nano_usd)
    return write("POST", "/v1/test/funds", PaperFunds, body=body, idempotency_key=idempotency_key)


def entitlement_list(*, live_only: bool = False) -> Call[Page[EntitlementView]]:
    """Return the organisation's compute, at most 200: live first (first to expire first), then ended."""
    return get("/v1/entitlements", Page[EntitlementView], status="live" if live_only else None)


def account_stream(*, cancel_on_disconnect: bool = False) -> Call[AccountDelta]:
    """Return the stream of the organisation's orders, fills and wallet: a snapshot, then events."""
    wish = "true" if cancel_on_disconnect else None
    return watch("/v1/stream/account", AccountDelta, cancel_on_disconnect=wish)
