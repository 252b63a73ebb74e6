"""What `/metrics` says of the market."""

from typing import Final

from core.gauges import Gauge

GAUGES: Final = (
    Gauge(
        "cux_orders_open",
        "Open orders by instrument.",
        "SELECT i.symbol, count(*) FROM exchange_order o JOIN exchange_instrument i ON i.id = o.instrument_id"
        " WHERE o.status = 'open' GROUP BY i.symbol",
        "instrument",
    ),
    Gauge(
        "cux_trades",
        "Trades so far by instrument.",
        "SELECT i.symbol, coalesce((SELECT max(t.sequence) FROM exchange_trade t"
        " WHERE t.instrument_id = i.id), 0) FROM exchange_instrument i",
        "instrument",
    ),
)
