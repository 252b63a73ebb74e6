"""Take a checkpoint of the house accounts: reading one then costs what happened since, not its whole life."""

from datetime import datetime
from typing import Final

from django.db import connection

# One statement, so one snapshot: every transaction below its horizon has ended, and what it wrote is seen.
# A transfer belongs to the transaction of its entry. What still runs has a number at or above the horizon,
# however low its ids are, and is added by whoever reads, once it has committed.
_TAKE: Final = """
    WITH last AS (SELECT coalesce(max(cut_xid), 0) AS cut FROM billing_checkpoint),
    moved AS (
        SELECT p.account_id, sum(p.amount) AS amount
        FROM billing_entry e JOIN billing_posting p ON p.entry_id = e.id
        WHERE e.xid >= (SELECT cut FROM last) AND e.xid < core_xid_horizon() GROUP BY p.account_id
    )
    INSERT INTO billing_checkpoint (cut_xid, account_id, posted, taken_at)
    SELECT core_xid_horizon(), a.id, coalesce(c.posted, 0) + coalesce(m.amount, 0), %(now)s
    FROM billing_account a
    LEFT JOIN billing_checkpoint c ON c.account_id = a.id AND c.cut_xid = (SELECT cut FROM last)
    LEFT JOIN moved m ON m.account_id = a.id
    WHERE NOT EXISTS (SELECT FROM billing_balance b WHERE b.account_id = a.id)
        AND EXISTS (SELECT FROM moved)
    ON CONFLICT DO NOTHING
"""


def checkpoint_take(*, now: datetime) -> int:
    """This function will note what each house account has; return how many, 0 when nothing happened since.

    It may run at any time, any number of times, beside anything else.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"now": now})
        return int(cursor.rowcount)
