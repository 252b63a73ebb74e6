"""An organisation's statement: every line on its money accounts, newest first."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import PER_ORGANISATION, of_organisation

PAGE_SIZE_MAX: Final = 200
# A line's balance is what its account has now, less what came after, in one snapshot: exact on every page.
_LINES: Final = """
    WITH later AS (
        SELECT account_id, sum(amount) AS amount FROM billing_posting
        WHERE account_id = ANY(%(accounts)s) AND id >= %(before)s::bigint GROUP BY account_id
    ), lines AS (
        SELECT id, account_id, counter_id, entry_id, amount FROM billing_posting
        WHERE account_id = ANY(%(accounts)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
        ORDER BY id DESC LIMIT %(limit)s
    )
    SELECT l.id, a.kind, counter.kind, l.amount,
        (b.posted - coalesce(later.amount, 0) - coalesce(sum(l.amount) OVER newer, 0))::bigint,
        e.kind, e.ref, e.event_at, e.booked_at
    FROM lines l
    JOIN billing_entry e ON e.id = l.entry_id
    JOIN billing_account a ON a.id = l.account_id
    JOIN billing_account counter ON counter.id = l.counter_id
    JOIN billing_balance b ON b.account_id = l.account_id
    LEFT JOIN later ON later.account_id = l.account_id
    WINDOW newer AS (PARTITION BY l.account_id ORDER BY l.id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY l.id DESC
"""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One signed line: `amount_nano_usd` > 0 came into `account` from `counter_account`.

    `balance_nano_usd` is what `account` had after it: of its newest line, what it has.
    """

    id: int
    account: str
    counter_account: str
    amount_nano_usd: int
    balance_nano_usd: int
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
