"""Holds that nobody ended in time. Whoever posts places, captures and releases them (`ledger_post`)."""

from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.posting import HoldStep
from billing.services.ledger_post import ledger_post
from core.retry import transact

_SWEEP_SIZE: Final = 500
_EXPIRED: Final = """
    SELECT id, placed - captured - released FROM billing_hold
    WHERE ended_at IS NULL AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT %s
"""


def holds_expire(*, now: datetime) -> int:
    """This function will end every hold that has expired by the database's clock; return how many.

    Level-triggered: it may run at any time, any number of times, beside anything else.
    """
    ended = 0
    while batch := transact(lambda: _expire_batch(now)):
        ended += batch
    return ended


def _expire_batch(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [_SWEEP_SIZE])
        steps = [HoldStep(hold_id, release=rest) for hold_id, rest in cursor.fetchall()]
    if steps:
        ledger_post(steps=steps, now=now)
    return len(steps)
