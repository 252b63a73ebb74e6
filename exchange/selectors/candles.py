"""Candles: what printed trades did to the price, interval by interval."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection

from core.clock import rfc3339
from core.errors import Code, CuxError
from cux.wire.market import CandleView
from exchange.selectors.instruments import instrument_find
from exchange.selectors.minutes import EPOCH, MINUTE, MINUTES, floor, span
from exchange.selectors.printed import PRINTED

INTERVALS_S: Final = {"1s": 1, "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
"""What can be asked for, in seconds. Candles start at whole multiples since 1970-01-01 00:00 UTC."""
CANDLES_MAX: Final = 1_000
CANDLES_DEFAULT: Final = 200
_SECONDS: Final = f"""
    SELECT date_bin(%(step)s, t.traded_at, %(epoch)s),
        (array_agg(t.price_ticks ORDER BY t.sequence))[1], max(t.price_ticks), min(t.price_ticks),
        (array_agg(t.price_ticks ORDER BY t.sequence DESC))[1],
        sum(t.quantity_lots)::bigint, sum(t.notional_nano_usd)::bigint, count(*)
    FROM exchange_trade t
    WHERE t.instrument_id = %(instrument)s AND t.traded_at >= %(start)s AND t.traded_at < %(end)s
        AND {PRINTED}
    GROUP BY 1"""  # noqa: S608 - our own constants
_MINUTES: Final = f"""
    {MINUTES}
    SELECT date_bin(%(step)s, start_at, %(epoch)s),
        (array_agg(open_ticks ORDER BY start_at))[1], max(high_ticks), min(low_ticks),
        (array_agg(close_ticks ORDER BY start_at DESC))[1],
        sum(volume_lots)::bigint, sum(turnover_nano_usd)::bigint, sum(trades)::bigint
    FROM minutes GROUP BY 1"""  # noqa: S608
_CLOSE_BEFORE: Final = f"""
    SELECT t.price_ticks FROM exchange_trade t
    WHERE t.instrument_id = %(instrument)s AND t.traded_at < %(start)s AND {PRINTED}
    ORDER BY t.traded_at DESC, t.sequence DESC LIMIT 1"""  # noqa: S608


class _Row(NamedTuple):
    start_at: datetime
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    turnover_nano_usd: int
    trades: int


def candle_list(
    *,
    symbol: str,
    interval: str,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[CandleView]:
    """Return the candles that start in [`start`, `end`), oldest first, without gaps.

    `end` is now if absent or later; `start` is 200 intervals before it if absent. The range is widened to
    whole intervals.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT; INVALID_FIELD, no such interval, the start is not before the end, or the
            range holds more than 1,000 candles.
    """
    instrument = instrument_find(symbol)
    interval_s = INTERVALS_S.get(interval)
    if interval_s is None:
        raise CuxError(
            Code.INVALID_FIELD, f"`interval` is one of {', '.join(INTERVALS_S)}.", param="interval"
        )
    step = timedelta(seconds=interval_s)
    first, last = _range(step, start, end, now)
    asked = span(instrument.id, first, last) | {"step": step, "epoch": EPOCH}
    with connection.cursor() as cursor:
        cursor.execute(_SECONDS if step < MINUTE else _MINUTES, asked)
        traded = {row[0]: _Row(*row) for row in cursor.fetchall()}
        cursor.execute(_CLOSE_BEFORE, asked)
        before = cursor.fetchone()
    rows = _without_gaps(traded, before[0] if before else None, (first, last), step)
    return [_view(row, is_closed=row.start_at + step <= now) for row in rows]


def _view(row: _Row, *, is_closed: bool) -> CandleView:
    return CandleView(**row._asdict() | {"start_at": rfc3339(row.start_at)}, is_closed=is_closed)


def _range(
    step: timedelta, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    last = floor(min(end, now) if end is not None else now, step)
    if end is None or end > last:
        last += step
    first = floor(start, step) if start is not None else last - CANDLES_DEFAULT * step
    if first >= last:
        raise CuxError(Code.INVALID_FIELD, "`start` is before `end` and not in the future.", param="start")
    if last - first > CANDLES_MAX * step:
        raise CuxError(Code.INVALID_FIELD, f"Ask for at most {CANDLES_MAX:,} candles.", param="start")
    return first, last


def _without_gaps(
    traded: dict[datetime, _Row], close: int | None, span: tuple[datetime, datetime], step: timedelta
) -> Iterator[_Row]:
    """Yield a row for every interval from the first with a price on."""
    start_at, end = span
    while start_at < end:
        row = traded.get(start_at)
        if row is None and close is not None:
            row = _Row(start_at, close, close, close, close, 0, 0, 0)
        if row is not None:
            yield row
            close = row.close_ticks
        start_at += step
