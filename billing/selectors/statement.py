"""An organisation's statement: every line on its money accounts, newest first."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import PER_ORGANISATION, of_organisation

PAGE_SIZE_MAX: Final = 200
_LINES: Final = """
    SELECT p.id, a.kind, counter.kind, p.amount, e.kind, e.ref, e.event_at, e.booked_at
    FROM billing_posting p
    JOIN billing_entry e ON e.id = p.entry_id
    JOIN billing_account a ON a.id = p.account_id
    JOIN billing_account counter ON counter.id = p.counter_id
    WHERE p.account_id = ANY(%(accounts)s) AND (%(before)s::bigint IS NULL OR p.id < %(before)s)
    ORDER BY p.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One signed line: `amount_nano_usd` > 0 came into `account` from `counter_account`."""

    id: int
    account: str
    counter_account: str
    amount_nano_usd: int
    entry_kind: str
    ref: str
    event_at: datetime
    booked_at: datetime


def statement_lines(
    organisation_id: uuid.UUID, *, before_id: int | None = None, limit: int = 50
) -> list[StatementLine]:
    """Return at most `limit` (1…200) lines older than line `before_id`, newest first.

    The last line's id is the next page's `before_id`.
    """
    accounts = [of_organisation(kind, organisation_id).id for kind in PER_ORGANISATION]
    parameters = {
        "accounts": accounts,
        "before": before_id,
        "limit": max(1, min(limit, PAGE_SIZE_MAX)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LINES, parameters)
        return [StatementLine(*row) for row in cursor.fetchall()]
