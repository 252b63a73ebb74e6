"""What of a provider's hold-back is old enough to become earnings, and when the rest will be."""

import uuid
from datetime import date, datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import balances

_RETURNED: Final = ("cover_close", "credit_note", "dispute_won", "claw_back_return")
"""Entries that give back what was taken of hold-back: it is as old as it was."""
_YOUNG: Final = """
    SELECT coalesce(sum(t.amount), 0) FROM billing_transfer t JOIN billing_entry e ON e.id = t.entry_id
    WHERE t.credit_id = %s AND e.booked_at >= %s AND e.kind <> ALL(%s)
"""
_BY_DAY: Final = """
    SELECT (e.booked_at AT TIME ZONE 'UTC')::date, sum(t.amount)::bigint
    FROM billing_transfer t JOIN billing_entry e ON e.id = t.entry_id
    WHERE t.credit_id = %s AND e.booked_at >= %s AND e.kind <> ALL(%s) GROUP BY 1 ORDER BY 1
"""


def hold_back_matured(*, organisation_id: uuid.UUID, before: datetime) -> int:
    """Return what of the hold-back came in before a moment, and is there still, in nano-USD.

    What leaves it, for cover or a dispute, is counted as the oldest: so this is what there is without what
    came in since. Exact in sum, whatever was taken in between.
    """
    account = of_organisation(Kind.HOLD_BACK, organisation_id)
    available = balances([account])[account].available
    with connection.cursor() as cursor:
        cursor.execute(_YOUNG, [account.id, before, list(_RETURNED)])
        row = cursor.fetchone()
    return max(0, available - int(row[0]))


def hold_back_by_day(*, organisation_id: uuid.UUID, since: datetime) -> list[tuple[date, int]]:
    """Return what was held back on each UTC day from `since` on and is there still, oldest day first."""
    account = of_organisation(Kind.HOLD_BACK, organisation_id)
    left = balances([account])[account].available
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, [account.id, since, list(_RETURNED)])
        newest_first = list(reversed(cursor.fetchall()))
    found = []
    for day, amount in newest_first:
        part = min(left, amount)
        left -= part
        if part:
            found.append((day, part))
    return found[::-1]
