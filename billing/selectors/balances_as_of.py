"""What accounts had at a moment, by either of a ledger's two clocks."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing.ledger.chart import AccountRef
from billing.selectors.account_balance import AccountBalance


class Clock(Enum):
    """Which time of an entry counts. The value is its column."""

    BOOKED = "booked_at"  # when the ledger learnt of it: what a statement of that day would have said
    EVENT = "event_at"  # when it happened: what a statement of that day should have said


_PLAIN: Final = """
    SELECT p.account_id, 'other', sum(p.amount)
    FROM billing_posting p JOIN billing_entry e ON e.id = p.entry_id
    WHERE p.account_id = ANY(%(accounts)s) AND e.{clock} <= %(moment)s GROUP BY p.account_id
"""
# Whole days that are added up, and transfers themselves: of the day, and what is not added up yet.
# `known_cut` was the cut a moment ago: never above it, and it tells the planner how little is left.
BY_DAYS: Final = """
    SELECT account_id, counter, sum(amount) FROM (
        SELECT account_id, counter, amount FROM billing_accountday
        WHERE account_id = ANY(%(accounts)s) AND day < (%(moment)s AT TIME ZONE 'UTC')::date
        UNION ALL
        SELECT account_id, counter, amount FROM billing_movement
        WHERE account_id = ANY(%(accounts)s) AND xid < (SELECT cut_xid FROM billing_daysrolled)
            AND booked_at >= date_trunc('day', %(moment)s, 'UTC') AND booked_at <= %(moment)s
        UNION ALL
        SELECT account_id, counter, amount FROM billing_movement
        WHERE account_id = ANY(%(accounts)s) AND booked_at <= %(moment)s
            AND xid >= %(known_cut)s AND xid >= (SELECT cut_xid FROM billing_daysrolled)
    ) moved GROUP BY 1, 2
"""
# A hold counts from when it was placed until its last step, or its expiry, less what was resolved by then.
# Of one that ended later its last step says so; the steps before that are few, and have an index.
HELD: Final = """
    WITH standing AS (
        SELECT id, account_id, placed, created_at, expires_at FROM billing_hold
        WHERE account_id = ANY(%(accounts)s) AND ended_at IS NULL
        UNION
        SELECT h.id, h.account_id, h.placed, h.created_at, h.expires_at
        FROM billing_holdevent e JOIN billing_hold h ON h.id = e.hold_id
        WHERE h.account_id = ANY(%(accounts)s) AND e.at > %(moment)s AND e.ended_at IS NOT NULL
    )
    SELECT s.account_id, sum(s.placed - coalesce(resolved.amount, 0))
    FROM standing s LEFT JOIN LATERAL (
        SELECT max(e.captured + e.released) AS amount FROM billing_holdevent e
        WHERE e.hold_id = s.id AND e.at <= %(moment)s AND e.ended_at IS NULL
    ) resolved ON true
    WHERE s.created_at <= %(moment)s AND (s.expires_at IS NULL OR s.expires_at > %(moment)s)
    GROUP BY s.account_id
"""


def balances_as_of(
    accounts: Sequence[AccountRef], moment: datetime, *, clock: Clock = Clock.BOOKED
) -> dict[AccountRef, AccountBalance]:
    """Return what each account had at the moment, entries of that very moment included.

    By booked time a past moment's answer never changes, except for what was under way at it: a transaction
    books at the time its service was called with, and is seen once it has committed. By event time it
    changes whenever something is booked late, which is its use. Holds have no event time, so `held` is 0
    then. By booked time it reads of an organisation's account the sums of its days, the moment's own day
    and what was not added up yet, or its whole life where that is less; of holds those that are open, and
    what ended since. Else it reads each account's transfers, for a house account all of its life.
    """
    posted: dict[uuid.UUID, int] = defaultdict(int)
    for (account_id, _), amount in moved_until(accounts, moment, clock=clock).items():
        posted[account_id] += amount
    held = {}
    if clock is Clock.BOOKED:
        with connection.cursor() as cursor:
            cursor.execute(HELD, {"accounts": [account.id for account in accounts], "moment": moment})
            held = dict(cursor.fetchall())
    return {account: AccountBalance(posted[account.id], int(held.get(account.id, 0))) for account in accounts}


def known_cut(cursor: CursorWrapper) -> int:
    """Return up to which transaction (not included) the days are added up by now."""
    cursor.execute("SELECT cut_xid FROM billing_daysrolled")
    (cut,) = cursor.fetchone()
    return int(cut)


def moved_until(
    accounts: Sequence[AccountRef], moment: datetime, *, clock: Clock = Clock.BOOKED
) -> dict[tuple[uuid.UUID, str], int]:
    """Return what came into each account (< 0: left it) until then, by account and counter account's sort.

    The sort is that of `billing_movement` for organisations' accounts by booked time, else `other` for all.
    """
    rolled = [a.id for a in accounts if a.organisation_id is not None and clock is Clock.BOOKED]
    plain = [account.id for account in accounts if account.id not in rolled]
    found: dict[tuple[uuid.UUID, str], int] = {}
    with connection.cursor() as cursor:
        for ids, sql in ((rolled, BY_DAYS), (plain, _PLAIN.format(clock=clock.value))):
            if ids:
                cursor.execute(sql, {"accounts": ids, "moment": moment, "known_cut": known_cut(cursor)})
                found |= {(row[0], row[1]): int(row[2]) for row in cursor.fetchall()}
    return found
