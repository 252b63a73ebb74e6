"""The public tape."""

import msgspec
from django.db.models import F

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.orders import TradeView
from exchange.models import Trade


def trades_recent(
    *, symbol: str, limit: int = 50, before: int | None = None, after: int | None = None
) -> list[TradeView]:
    """Return an instrument's trades by sequence, which is dense: newest first, those before `before` if any.

    With `after` oldest first, those after it: what a reader who knows that one has missed.
    """
    rows = Trade.objects.filter(instrument__symbol=symbol).annotate(busted_at=F("bust__busted_at"))
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    if after is not None:
        rows = rows.filter(sequence__gt=after)
    ordered = rows.order_by("sequence" if after is not None else "-sequence")
    return [_view(row, symbol, is_busted=row.busted_at is not None) for row in ordered[:limit]]


def _view(row: Trade, symbol: str, *, is_busted: bool) -> TradeView:
    return msgspec.convert(
        {
            "trade_id": public_id("trade", row.id),
            "instrument": symbol,
            "seq": row.sequence,
            "price_ticks": row.price_ticks,
            "quantity_lots": row.quantity_lots,
            "taker_side": row.taker_side,
            "executed_at": rfc3339(row.traded_at),
            "auction_id": public_id("auction", row.auction_id) if row.auction_id else None,
            "is_self": row.is_self,
            "is_selective": row.is_selective,
            "is_resale": row.is_resale,
            "is_busted": is_busted,
        },
        TradeView,
    )
