"""What house accounts have: the newest checkpoint, and what was posted since its cut."""

import uuid
from collections.abc import Sequence
from typing import Final

from django.db import connection

_CHECKPOINT: Final = """
    SELECT cut_xid, account_id, posted FROM billing_checkpoint
    WHERE cut_xid = (SELECT max(cut_xid) FROM billing_checkpoint)
"""
_SINCE: Final = """
    SELECT p.account_id, sum(p.amount) FROM billing_entry e JOIN billing_posting p ON p.entry_id = e.id
    WHERE e.xid >= %(cut)s AND p.account_id = ANY(%(accounts)s) GROUP BY p.account_id
"""
_ALL: Final = """
    SELECT account_id, sum(amount) FROM billing_posting
    WHERE account_id = ANY(%(accounts)s) GROUP BY account_id
"""


def house_balances(account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return credits − debits of each of these accounts without a limit.

    A checkpoint never changes, and below its cut nothing is added: so it does not matter what is posted
    between the two statements.
    """
    if not account_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CHECKPOINT)
        rows = cursor.fetchall()
        cut = rows[0][0] if rows else 0
        found = {account_id: int(posted) for _, account_id, posted in rows}
        cursor.execute(_SINCE if cut else _ALL, {"cut": cut, "accounts": list(account_ids)})
        for account_id, amount in cursor.fetchall():
            found[account_id] = found.get(account_id, 0) + int(amount)
    return {account_id: found.get(account_id, 0) for account_id in account_ids}
