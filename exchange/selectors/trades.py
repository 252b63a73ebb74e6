"""The public tape."""

import msgspec

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.orders import TradeView
from exchange.models import Trade


def trades_recent(*, symbol: str, limit: int = 50, before: int | None = None) -> list[TradeView]:
    """Return an instrument's trades, newest first, those before sequence `before` if one is given."""
    rows = Trade.objects.filter(instrument__symbol=symbol)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    return [
        msgspec.convert(
            {
                "trade_id": public_id("trade", row.id),
                "instrument": symbol,
                "seq": row.sequence,
                "price_ticks": row.price_ticks,
                "quantity_lots": row.quantity_lots,
                "taker_side": row.taker_side,
                "executed_at": rfc3339(row.traded_at),
            },
            TradeView,
        )
        for row in rows.order_by("-sequence")[:limit]
    ]
