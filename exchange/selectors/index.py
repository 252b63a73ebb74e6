"""The CU price index: what printed spot trades say now, and what was published."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import connection

from core.clock import rfc3339
from core.errors import Code, CuxError
from cux.wire.market import IndexView
from exchange.models import ComputeClass, IndexPrice, Instrument
from exchange.price_index import TRADES_MIN, Print, Value, class_value, count, overall_value
from exchange.selectors.printed import PRINTED

OVERALL: Final = "overall"
SHORT: Final = timedelta(hours=1)
LONG: Final = timedelta(hours=24)
HISTORY_MAX: Final = 1_000

_TRADES: Final = f"""
    SELECT i.compute_class_id, sum(t.notional_nano_usd)::bigint, (sum(t.quantity_lots) * i.lot_ucu)::bigint,
        count(*)
    FROM exchange_trade t JOIN exchange_instrument i ON i.id = t.instrument_id
    WHERE i.compute_class_id = ANY(%(codes)s) AND i.delivery = %(delivery)s
        AND t.traded_at > %(since)s AND t.traded_at <= %(at)s AND {PRINTED}
    GROUP BY i.id, t.price_ticks"""  # noqa: S608 - our own constants
_LATEST: Final = """
    SELECT DISTINCT ON (code) code, nano_usd_per_cu FROM exchange_indexprice
    WHERE at < %s ORDER BY code, at DESC"""


def index_compute(*, at: datetime) -> dict[str, Value]:
    """Return the value at this moment of each compute class, and of all under `overall`.

    A class that never traded has none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, [at])
        previous: dict[str, int] = dict(cursor.fetchall())
    codes = list(ComputeClass.objects.order_by("code").values_list("code", flat=True))
    short = _trades(codes, at - SHORT, at)
    long = _trades([code for code in codes if count(short[code]) < TRADES_MIN], at - LONG, at)
    values = {}
    for code in codes:
        value = class_value(short[code], long[code], previous.get(code))
        if value is not None:
            values[code] = value
    overall = overall_value(values.values(), previous.get(OVERALL))
    return values if overall is None else values | {OVERALL: overall}


def _trades(codes: list[str], since: datetime, at: datetime) -> defaultdict[str, list[Print]]:
    """Return the spot trades of classes in a window, those at one price together, however many they are.

    Idle compute is interruptible: another good.
    """
    found: defaultdict[str, list[Print]] = defaultdict(list)
    spot = Instrument.Delivery.SPOT
    asked: dict[str, Any] = {"codes": codes, "at": at, "since": since, "delivery": spot}
    with connection.cursor() as cursor:
        cursor.execute(_TRADES, asked)
        for code, notional, quantity, trades in cursor.fetchall():
            found[code].append(Print(notional, quantity, trades))
    return found


def index_latest() -> list[IndexView]:
    """Return the newest published value of each index, by code."""
    return [_view(row) for row in IndexPrice.objects.order_by("code", "-at").distinct("code")]


def index_newest(code: str) -> IndexView | None:
    """Return the newest published value of one index; None before the first."""
    row = IndexPrice.objects.filter(code=code).order_by("-at").first()
    return None if row is None else _view(row)


def index_history(*, code: str, limit: int = 60, before: datetime | None = None) -> list[IndexView]:
    """Return at most `limit` published values (1,000 at most), newest first, those before `before` if given.

    Raises:
        CuxError: NOT_FOUND, no value was ever published under this code.
    """
    rows = IndexPrice.objects.filter(code=code)
    if not rows.exists():
        raise CuxError(Code.NOT_FOUND, "No price index is published under this name.")
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [_view(row) for row in rows.order_by("-at")[: min(limit, HISTORY_MAX)]]


def _view(row: IndexPrice) -> IndexView:
    return msgspec.convert(
        {
            "code": row.code,
            "at": rfc3339(row.at),
            "nano_usd_per_cu": row.nano_usd_per_cu,
            "method": row.method,
            "trades": row.trades,
            "dropped": row.dropped,
            "volume_ucu": row.volume_ucu,
        },
        IndexView,
    )
