"""Holds: set aside, take in part, give back, expire. Each is one transaction around one posting."""

import uuid
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import AccountRef
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from billing.services.ledger_post import PostOutcome, ledger_post
from core.retry import transact

_SWEEP_SIZE: Final = 500
_EXPIRED: Final = """
    SELECT id, placed - captured - released FROM billing_hold
    WHERE ended_at IS NULL AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT %s
"""


def hold_place(
    *,
    hold_id: uuid.UUID,
    account: AccountRef,
    amount: int,
    kind: str,
    ref: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """This function will set `amount` (in the account's asset) aside; again under the same id: no effect.

    Raises:
        CuxError: INSUFFICIENT_BALANCE; IDEMPOTENCY_KEY_REUSED when the id was placed differently.
    """
    placement = HoldPlacement(hold_id, account, amount, kind, ref, expires_at)
    transact(lambda: ledger_post(placements=[placement], now=now))


def hold_capture(
    *, hold_id: uuid.UUID, entry: JournalEntry, capture: int, now: datetime, release: int = 0
) -> PostOutcome:
    """This function will take `capture` out of a hold with the entry that moves it, and give `release` back.

    The rest stays held. The entry's key makes it idempotent.

    Raises:
        CuxError: HOLD_EXPIRED, HOLD_NOT_COVERING, INSUFFICIENT_BALANCE, IDEMPOTENCY_KEY_REUSED.
    """
    step = HoldStep(hold_id, capture=capture, release=release)
    return transact(lambda: ledger_post(entries=[entry], steps=[step], now=now))[0]


def hold_release(*, hold_id: uuid.UUID, amount: int, now: datetime) -> None:
    """This function will give `amount` of a hold back. What expiry has given back already is no fault.

    Raises:
        CuxError: HOLD_NOT_COVERING when less is still held, or the hold is unknown.
    """
    transact(lambda: ledger_post(steps=[HoldStep(hold_id, release=amount)], now=now))


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
