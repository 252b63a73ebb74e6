"""Add up the trades of each minute that is over, once, so that charts and statistics need not read them."""

import uuid
from datetime import timedelta
from typing import Final

from django.db import connection, transaction

from exchange.models import Instrument
from exchange.selectors.minutes import ADDED_UP, MINUTE, floor
from exchange.selectors.printed import PRINTED

AT_ONCE: Final = timedelta(days=1)
"""At most this much of an instrument's history in one transaction."""
_ENDS: Final = "SELECT min(traded_at), max(traded_at) FROM exchange_trade WHERE instrument_id = %s"
_BEGIN: Final = (
    "INSERT INTO exchange_minutesrolled (instrument_id, until) VALUES (%s, %s) ON CONFLICT DO NOTHING"
)
_LOCK: Final = "SELECT until FROM exchange_minutesrolled WHERE instrument_id = %s FOR UPDATE"
_GO_ON: Final = "UPDATE exchange_minutesrolled SET until = %s WHERE instrument_id = %s"
_ROLL: Final = f"""
    INSERT INTO exchange_minutecandle (instrument_id, start_at, open_ticks, high_ticks, low_ticks,
        close_ticks, volume_lots, turnover_nano_usd, trades)
    SELECT %s, {ADDED_UP} FROM exchange_trade t
    WHERE t.instrument_id = %s AND t.traded_at >= %s AND t.traded_at < %s AND {PRINTED}
    GROUP BY start_at"""  # noqa: S608 - our own constants


def minutes_roll() -> int:
    """Add up what is new of every instrument, at most a day of each; return how many went on."""
    return sum(_roll(id) for id in Instrument.objects.order_by("id").values_list("id", flat=True))


@transaction.atomic
def _roll(instrument_id: uuid.UUID) -> bool:
    """Add up whole minutes before that of the newest trade.

    One writer commits an instrument's trades in order: who sees the newest sees all of earlier minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENDS, [instrument_id])
        oldest, newest = cursor.fetchone()
        if newest is None:
            return False
        cursor.execute(_BEGIN, [instrument_id, floor(oldest, MINUTE)])
        cursor.execute(_LOCK, [instrument_id])
        (begun,) = cursor.fetchone()
        until = min(floor(newest, MINUTE), begun + AT_ONCE)
        if until <= begun:
            return False
        cursor.execute(_ROLL, [instrument_id, instrument_id, begun, until])
        cursor.execute(_GO_ON, [until, instrument_id])
    return True
