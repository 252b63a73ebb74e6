"""An organisation's orders, as it sees them."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec
from django.db import connection
from django.db.models import F, Q

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.orders import OrderView, TradeView
from exchange.models import Order, Trade
from exchange.sequencer.views import average_price, shown_status, terms_view

TRADES_IN_LIST: Final = 20
TRADES_IN_ORDER: Final = 200
"""At most this many of an order's trades are shown, the newest ones; `cumulative_lots` counts them all."""

_NEWEST_TRADES = """
    SELECT o.id, t.id FROM unnest(%s::uuid[]) AS o(id) CROSS JOIN LATERAL (
        SELECT id FROM exchange_trade WHERE {side}_order_id = o.id ORDER BY sequence DESC LIMIT %s) AS t"""
_HELD = """
    SELECT ref, placed - captured - released FROM billing_hold
    WHERE kind = 'order' AND ref = ANY(%s) AND ended_at IS NULL"""


def order_list(
    *,
    organisation_id: uuid.UUID,
    symbol: str | None = None,
    open_only: bool = False,
    limit: int = 50,
    before: uuid.UUID | None = None,
) -> list[OrderView]:
    """Return orders, newest first; `before` is the order with which the page before ended.

    Each shows at most its 20 newest trades, oldest first.
    """
    rows = Order.objects.filter(organisation_id=organisation_id)
    if symbol is not None:
        rows = rows.filter(instrument__symbol=symbol)
    if open_only:
        rows = rows.filter(status=Order.Status.OPEN)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return _views(rows.select_related("instrument").order_by("-id")[:limit], TRADES_IN_LIST)


def order_get(
    *, organisation_id: uuid.UUID, order_id: uuid.UUID | None = None, client_order_id: str | None = None
) -> OrderView:
    """Return one order by one of its ids, with at most its 200 newest trades, oldest first.

    Raises:
        CuxError: UNKNOWN_ORDER.
    """
    asked = Q(id=order_id) if order_id is not None else Q(client_order_id=client_order_id or "")
    rows = Order.objects.filter(asked, organisation_id=organisation_id).select_related("instrument")
    views = _views(rows, TRADES_IN_ORDER)
    if not views:
        raise CuxError(Code.UNKNOWN_ORDER, param="order_id")
    return views[0]


def _views(orders: Iterable[Order], most_trades: int) -> list[OrderView]:
    """Return the views of orders with their newest trades, and what is held for each."""
    rows = list(orders)
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [[row.id.hex for row in rows]])
        held = dict(cursor.fetchall())
    trades = _newest_trades(rows, most_trades)
    return [_view(row, held.get(row.id.hex, 0), trades[row.id]) for row in rows]


def _newest_trades(orders: list[Order], most: int) -> defaultdict[uuid.UUID, list[TradeView]]:
    """Return by order its newest trades, oldest first."""
    found: list[tuple[str, uuid.UUID, uuid.UUID]] = []
    with connection.cursor() as cursor:
        for side in ("buy", "sell"):
            ids = [order.id for order in orders if order.side == side]
            cursor.execute(_NEWEST_TRADES.format(side=side), [ids, most])
            found += [(side, *pair) for pair in cursor.fetchall()]
    rows = Trade.objects.filter(id__in={trade_id for _, _, trade_id in found}).select_related("instrument")
    matches = {match.id: match for match in rows.annotate(busted_at=F("bust__busted_at"))}
    views: defaultdict[uuid.UUID, list[TradeView]] = defaultdict(list)
    for side, order_id, trade_id in sorted(found, key=lambda row: matches[row[2]].sequence):
        match = matches[trade_id]
        views[order_id].append(_trade_view(match, side, is_busted=match.busted_at is not None))
    return views


def _trade_view(match: Trade, side: str, *, is_busted: bool) -> TradeView:
    order_id = match.buy_order_id if side == "buy" else match.sell_order_id
    return msgspec.convert(
        {
            "trade_id": public_id("trade", match.id),
            "instrument": match.instrument.symbol,
            "seq": match.sequence,
            "price_ticks": match.price_ticks,
            "quantity_lots": match.quantity_lots,
            "taker_side": match.taker_side,
            "executed_at": rfc3339(match.traded_at),
            "auction_id": public_id("auction", match.auction_id) if match.auction_id else None,
            "is_self": match.is_self,
            "order_id": public_id("order", order_id),
            "role": "taker" if match.taker_side == side and match.auction_id is None else "maker",
            "fee_nano_usd": match.buyer_fee_nano_usd if side == "buy" else match.seller_fee_nano_usd,
            "is_selective": match.is_selective,
            "is_resale": match.is_resale,
            "is_busted": is_busted,
        },
        TradeView,
    )


def _view(row: Order, held_nano_usd: int, trades: list[TradeView]) -> OrderView:
    return msgspec.convert(
        {
            "order_id": public_id("order", row.id),
            "client_order_id": row.client_order_id,
            "instrument": row.instrument.symbol,
            "side": row.side,
            "type": row.type,
            "tif": row.time_in_force,
            "price_ticks": row.price_ticks,
            "quantity_lots": row.quantity_lots,
            "leaves_lots": row.leaves_lots,
            "cumulative_lots": row.cumulative_lots,
            "avg_price_nano_usd_per_lot": average_price(row.notional_nano_usd, row.cumulative_lots),
            "status": shown_status(row.status, row.cumulative_lots),
            "held_nano_usd": held_nano_usd,
            "created_at": rfc3339(row.created_at),
            "trades": trades,
            "stp": row.self_trade_prevention,
            **terms_view(row),
        },
        OrderView,
    )
