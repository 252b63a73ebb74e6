"""What compute was worth lately on an instrument, for those who have to buy at any price and should not."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from exchange.models import Instrument
from exchange.selectors.instruments import instrument_terms
from exchange.selectors.printed import PRINTED

WINDOW: Final = timedelta(days=1)
_DAY: Final = f"""
    SELECT div(sum(t.price_ticks::numeric * t.quantity_lots), sum(t.quantity_lots))::bigint
    FROM exchange_trade t
    WHERE t.instrument_id = %s AND t.traded_at > %s AND t.traded_at <= %s AND {PRINTED}"""  # noqa: S608
_LAST: Final = f"""
    SELECT t.price_ticks FROM exchange_trade t
    WHERE t.instrument_id = %s AND {PRINTED} ORDER BY t.sequence DESC LIMIT 1"""  # noqa: S608


def usual_price_ticks(*, instrument: Instrument, now: datetime) -> int:
    """Return the average price of the last day's printed trades, weighted by lots and rounded down.

    Without one it is the last printed price, and before the first trade the listed reference. A last trade
    alone is easily made dear; an average takes as much volume as everybody else's.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DAY, [instrument.id, now - WINDOW, now])
        (average,) = cursor.fetchone()
        if average is not None:
            return int(average)
        cursor.execute(_LAST, [instrument.id])
        row = cursor.fetchone()
    return int(row[0]) if row else instrument_terms(instrument).first_reference_ticks
