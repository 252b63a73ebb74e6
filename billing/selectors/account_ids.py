"""Check that each account's id follows from what it is: a transfer names accounts by nothing else."""

import uuid
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from billing.ledger.chart import AccountRef, Kind

ACCOUNT_RULE: Final = "an account's id follows from its kind, asset, organisation and entitlement"
_KINDS: Final = {kind.value: kind for kind in Kind}
_BATCH: Final = 5_000


def broken_account(cursor: CursorWrapper) -> str | None:
    """Return the first account whose id says another account than its row."""
    cursor.execute(
        "DECLARE billing_accounts NO SCROLL CURSOR FOR"
        " SELECT id, kind, asset, organisation_id, entitlement_id FROM billing_account ORDER BY id"
    )
    try:
        while True:
            cursor.execute(f"FETCH {_BATCH} FROM billing_accounts")
            accounts = cursor.fetchall()
            for account_id, *said in accounts:
                if not _is(account_id, *said):
                    return f"account {account_id}: {said[0]} {said[1]}"
            if not accounts:
                return None
    finally:
        cursor.execute("CLOSE billing_accounts")


def _is(account_id: uuid.UUID, kind: str, asset: str, *owner: Any) -> bool:
    return kind in _KINDS and AccountRef(_KINDS[kind], asset, *owner).id == account_id
