"""Add up what moved on organisations' accounts, by the day on which it was booked."""

from typing import Final

from django.db import connection, transaction

# Every transaction below the horizon has ended, and what it wrote is seen by the statement after this one.
# Two at once take turns at the row; the second goes on from where the first has come to, or does nothing.
_TAKE: Final = """
    UPDATE billing_daysrolled SET cut_xid = core_xid_horizon() WHERE cut_xid < core_xid_horizon()
    RETURNING old.cut_xid, new.cut_xid
"""
_ADD: Final = """
    INSERT INTO billing_accountday AS known (account_id, day, entry_kind, counter, is_in, amount)
    SELECT account_id, day, entry_kind, counter, is_in, sum(amount)
    FROM billing_movement WHERE xid >= %s AND xid < %s GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (account_id, day, entry_kind, counter, is_in)
        DO UPDATE SET amount = known.amount + excluded.amount
"""


@transaction.atomic(durable=True)
def days_roll() -> int:
    """This function will add up what was posted since the last time; return how many rows that touched.

    It may run at any time, any number of times, beside anything else.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        span = cursor.fetchone()
        if span is None:
            return 0
        cursor.execute(_ADD, span)
        return int(cursor.rowcount)
