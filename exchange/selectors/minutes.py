"""Printed trades of a span, added up by the minute: from rows where there are any, else from the trades."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from exchange.selectors.printed import PRINTED

MINUTE: Final = timedelta(minutes=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

ADDED_UP: Final = """
    date_bin('1 minute', t.traded_at, '1970-01-01 00:00+00') AS start_at,
    (array_agg(t.price_ticks ORDER BY t.sequence))[1] AS open_ticks,
    max(t.price_ticks) AS high_ticks, min(t.price_ticks) AS low_ticks,
    (array_agg(t.price_ticks ORDER BY t.sequence DESC))[1] AS close_ticks,
    sum(t.quantity_lots)::bigint AS volume_lots, sum(t.notional_nano_usd)::bigint AS turnover_nano_usd,
    count(*) AS trades"""
"""SQL: what a minute of trades `t` comes to, grouped by its first column."""

# Trades are read for what is left of the first and last minute, for minutes that are not added up yet, and
# for those in which a trade was busted since.
MINUTES: Final = f"""
    WITH rolled AS (
        SELECT coalesce(max(until), '-infinity') AS until FROM exchange_minutesrolled
        WHERE instrument_id = %(instrument)s
    ), stale AS (
        SELECT DISTINCT date_bin('1 minute', t.traded_at, '1970-01-01 00:00+00') AS start_at
        FROM exchange_bust b JOIN exchange_trade t ON t.id = b.trade_id
        WHERE t.instrument_id = %(instrument)s AND b.busted_at IS NOT NULL
            AND t.traded_at >= %(first_minute)s AND t.traded_at < %(last_minute)s
            AND t.traded_at < (SELECT until FROM rolled)
    ), spans AS (
        SELECT %(start)s AS a, %(first_minute)s AS b
        UNION ALL SELECT greatest(%(first_minute)s, (SELECT until FROM rolled)), %(last_minute)s
        UNION ALL SELECT %(last_minute)s, %(end)s
        UNION ALL SELECT start_at, start_at + interval '1 minute' FROM stale
    ), minutes AS (
        SELECT start_at, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, turnover_nano_usd,
            trades
        FROM exchange_minutecandle m
        WHERE m.instrument_id = %(instrument)s
            AND m.start_at >= %(first_minute)s AND m.start_at < %(last_minute)s
            AND NOT EXISTS (SELECT FROM stale s WHERE s.start_at = m.start_at)
        UNION ALL
        SELECT {ADDED_UP}
        FROM spans JOIN exchange_trade t
            ON t.instrument_id = %(instrument)s AND t.traded_at >= spans.a AND t.traded_at < spans.b
        WHERE {PRINTED}
        GROUP BY 1
    )"""  # noqa: S608 - our own constants
"""SQL: `minutes` are the printed trades in [start, end) by the minute; `span` gives its parameters."""


def span(instrument_id: uuid.UUID, start: datetime, end: datetime) -> dict[str, Any]:
    """Return the parameters of `MINUTES`, with the whole minutes within the span."""
    first = min(floor(start + MINUTE - datetime.resolution, MINUTE), end)
    return {
        "instrument": instrument_id,
        "start": start,
        "end": end,
        "first_minute": first,
        "last_minute": max(first, floor(end, MINUTE)),
    }


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the last whole multiple of a step since 1970, up to this moment."""
    return moment - (moment - EPOCH) % step
