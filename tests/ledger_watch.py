"""The ledger is checked while the tests run: what a test touched after each, everything after each module."""

from io import StringIO
from typing import Final

import pytest
from django.core.management import call_command
from django.db import connection

from billing.services.ledger_seal import ledger_seal
from core.clock import utc_now

_TOUCHED: Final = """
    WITH touched AS (
        SELECT t.debit_id AS id FROM billing_entry e JOIN billing_transfer t ON t.entry_id = e.id
        WHERE e.xid >= %(since)s
        UNION SELECT t.credit_id FROM billing_entry e JOIN billing_transfer t ON t.entry_id = e.id
        WHERE e.xid >= %(since)s
        UNION SELECT account_id FROM billing_hold WHERE xid >= %(since)s
        UNION SELECT h.account_id FROM billing_holdevent e JOIN billing_hold h ON h.id = e.hold_id
        WHERE e.xid >= %(since)s
    ), sums AS (
        SELECT b.account_id, b.posted, b.held, b.floor,
            (SELECT coalesce(sum(amount), 0) FROM billing_transfer WHERE credit_id = b.account_id)
            - (SELECT coalesce(sum(amount), 0) FROM billing_transfer WHERE debit_id = b.account_id) AS moved,
            (SELECT coalesce(sum(placed - captured - released), 0) FROM billing_hold
             WHERE account_id = b.account_id AND ended_at IS NULL) AS open
        FROM billing_balance b WHERE b.account_id IN (SELECT id FROM touched)
    )
    SELECT format('account %%s: posted %%s, held %%s, floor %%s; transfers %%s, open holds %%s',
                  account_id, posted, held, floor, moved, open)
    FROM sums WHERE posted <> moved OR held <> open OR posted - held < floor ORDER BY 1
"""


def horizon() -> int:
    """Return the number that the transactions of the next test are not below."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_xid_horizon()")
        return int(cursor.fetchone()[0])


def check_touched(since: int) -> None:
    """Fail unless each account that was moved since then is what its transfers and holds say."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, {"since": since})
        broken = [said for (said,) in cursor.fetchall()]
    if broken:
        pytest.fail("The test left accounts that do not add up:\n" + "\n".join(broken), pytrace=False)


def verify_grown() -> None:
    """Seal what is new; if anything was, fail unless the whole ledger verifies."""
    if ledger_seal(now=utc_now()):
        verify_all()


def verify_all() -> None:
    """Fail unless the whole ledger verifies, its seals included."""
    out = StringIO()
    try:
        call_command("ledger_verify", stdout=out)
    except SystemExit:
        broken = "\n".join(line for line in out.getvalue().splitlines() if not line.startswith("ok"))
        pytest.fail(f"The ledger does not verify:\n{broken}", pytrace=False)
