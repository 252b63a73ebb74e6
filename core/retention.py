"""What grows for ever unless it is deleted: how long rows are kept once they are done with.

Each app states its own (`RETENTIONS`), and the clock deletes in small batches (`prune`), each a transaction
of its own, so that nobody waits for it. What is money or proof of it is in none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from core.ids import earliest_id

BATCH: Final = 1_000
AT_MOST: Final = 20_000
"""Rows of one table that one run deletes, so that it ends within a task's time."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of `table` that are older than `kept` and `done` (SQL) are deleted, oldest first.

    How old a row is, says its key, a UUIDv7 `id`, or else its column `since`; that has an index. What is not
    done stays, however old.
    """

    table: str
    kept: timedelta
    done: str
    key: str = "id"
    since: str = "id"


RETENTIONS: Final = (
    Retention("core_outboxmessage", timedelta(days=7), "sent_at IS NOT NULL"),
    # Callers are promised 30 days (docs/openapi.yaml).
    Retention("core_idempotentresponse", timedelta(days=32), "response IS NOT NULL"),
)


def prune(retentions: Iterable[Retention], *, now: datetime, at_most: int = AT_MOST) -> dict[str, int]:
    """Delete what need not be kept any more, at most so many rows of each table; return how many by table.

    It may run at any time, any number of times, beside anything: rows that somebody has locked wait for the
    next run.
    """
    return {each.table: _prune(each, now - each.kept, at_most) for each in retentions}


def _prune(retention: Retention, before: datetime, at_most: int) -> int:
    oldest_kept = earliest_id(int(before.timestamp() * 1_000)) if retention.since == "id" else before
    deleted = 0
    while deleted < at_most:
        size = min(BATCH, at_most - deleted)
        with connection.cursor() as cursor:
            cursor.execute(statement(retention), [oldest_kept, size])
            deleted += cursor.rowcount
            if cursor.rowcount < size:
                break
    return deleted


def statement(retention: Retention) -> str:
    """Return the SQL that deletes one batch; its parameters: from when on rows are kept, the batch's size."""
    return f"""
        DELETE FROM {retention.table} WHERE {retention.key} IN (
            SELECT {retention.key} FROM {retention.table}
            WHERE {retention.since} < %s AND {retention.done}
            ORDER BY {retention.since} LIMIT %s FOR UPDATE SKIP LOCKED
        )
    """  # noqa: S608 - our own constants
