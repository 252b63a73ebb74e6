"""What a market did in the last 24 hours, from printed trades."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import connection

from core.clock import rfc3339
from core.money import PPM, mul_div_half_even
from cux.wire.market import StatsView
from cux.wire.orders import Phase
from exchange.selectors.book import book_snapshot
from exchange.selectors.instruments import instrument_find
from exchange.selectors.minutes import MINUTES, span
from exchange.selectors.printed import PRINTED

WINDOW: Final = timedelta(days=1)
_TICK: Final = datetime.resolution
_DAY: Final = f"""
    {MINUTES}
    SELECT (array_agg(open_ticks ORDER BY start_at))[1], max(high_ticks), min(low_ticks),
        coalesce(sum(volume_lots), 0)::bigint, coalesce(sum(turnover_nano_usd), 0)::bigint,
        coalesce(sum(trades), 0)::bigint
    FROM minutes"""  # noqa: S608 - our own constants
_LAST: Final = f"""
    SELECT t.price_ticks FROM exchange_trade t
    WHERE t.instrument_id = %s AND t.traded_at <= %s AND {PRINTED} ORDER BY t.sequence DESC LIMIT 1"""  # noqa: S608


def market_stats(*, symbol: str, now: datetime) -> StatsView:
    """Return the last 24 hours of an instrument. Raises CuxError UNKNOWN_INSTRUMENT."""
    instrument = instrument_find(symbol)
    book = book_snapshot(symbol=symbol, depth=1)
    with connection.cursor() as cursor:
        cursor.execute(_DAY, span(instrument.id, now - WINDOW + _TICK, now + _TICK))
        opened, high, low, volume, notional, trades = cursor.fetchone()
        cursor.execute(_LAST, [instrument.id, now])
        last = next(iter(cursor.fetchone() or ()), None)
    return StatsView(
        instrument=symbol,
        phase=msgspec.convert(book.phase, Phase),
        as_of=rfc3339(now),
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        last_ticks=last,
        change_ppm=None if opened is None else mul_div_half_even(last - opened, PPM, opened),
        volume_lots=volume,
        volume_ucu=volume * instrument.lot_ucu,
        turnover_nano_usd=notional,
        trades=trades,
        best_bid_ticks=book.bids[0].price_ticks if book.bids else None,
        best_ask_ticks=book.asks[0].price_ticks if book.asks else None,
    )
