"""What accounts had at a moment, by either of a ledger's two clocks."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

from django.db import connection

from billing.ledger.chart import AccountRef
from billing.selectors.account_balance import AccountBalance


class Clock(Enum):
    """Which time of an entry counts. The value is its column."""

    BOOKED = "booked_at"  # when the ledger learnt of it: what a statement of that day would have said
    EVENT = "event_at"  # when it happened: what a statement of that day should have said


_POSTED: Final = """
    SELECT p.account_id, sum(p.amount) FROM billing_posting p JOIN billing_entry e ON e.id = p.entry_id
    WHERE p.account_id = ANY(%(accounts)s) AND e.{clock} <= %(moment)s GROUP BY p.account_id
"""
# A hold counts from when it was placed until its last step, or its expiry, less what was resolved by then.
_HELD: Final = """
    WITH standing AS (
        SELECT id, account_id, placed FROM billing_hold
        WHERE account_id = ANY(%(accounts)s) AND created_at <= %(moment)s
            AND (ended_at IS NULL OR ended_at > %(moment)s)
            AND (expires_at IS NULL OR expires_at > %(moment)s)
    ), resolved AS (
        SELECT hold_id, max(captured + released) AS amount FROM billing_holdevent
        WHERE hold_id IN (SELECT id FROM standing) AND at <= %(moment)s GROUP BY hold_id
    )
    SELECT s.account_id, sum(s.placed - coalesce(r.amount, 0))
    FROM standing s LEFT JOIN resolved r ON r.hold_id = s.id GROUP BY s.account_id
"""


def balances_as_of(
    accounts: Sequence[AccountRef], moment: datetime, *, clock: Clock = Clock.BOOKED
) -> dict[AccountRef, AccountBalance]:
    """Return what each account had at the moment, entries of that very moment included.

    By booked time a past moment's answer never changes, except for what was under way at it: a transaction
    books at the time its service was called with, and is seen once it has committed. By event time it
    changes whenever something is booked late, which is its use. Holds have no event time, so `held` is 0
    then. It reads each account's transfers, for a house account all of its life.
    """
    parameters: dict[str, Any] = {"accounts": [account.id for account in accounts], "moment": moment}
    with connection.cursor() as cursor:
        cursor.execute(_POSTED.format(clock=clock.value), parameters)
        posted = dict(cursor.fetchall())
        held = {}
        if clock is Clock.BOOKED:
            cursor.execute(_HELD, parameters)
            held = dict(cursor.fetchall())
    return {
        account: AccountBalance(int(posted.get(account.id, 0)), int(held.get(account.id, 0)))
        for account in accounts
    }
