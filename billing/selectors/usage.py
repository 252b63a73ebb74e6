"""Usage: what settled jobs used and cost, one by one or grouped, read from their charges.

A row is counted on the day (UTC) on which it was settled. Everything here adds up with the ledger: a charge
says what its entry moved (`charge_is_its_entry`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.documents import UsageRow

BATCH: Final = 1_000
GROUPS: Final = {
    "day": "to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "key": "api_key_id",
    "model": "model",
    "tag": "tag",
}
"""What usage can be grouped by, in the order in which groups are sorted."""
_SUMS: Final = "prompt_tokens, cached_tokens, output_tokens, compute_ucu, escrow_nano_usd, fee_nano_usd"
_WHERE: Final = """
    FROM billing_charge WHERE kind = 'job' AND organisation_id = %(organisation)s
        AND booked_at >= %(start)s AND booked_at < %(end)s
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Whose usage is asked for, from when until before when."""

    organisation_id: uuid.UUID
    start: datetime
    end: datetime


def usage_grouped(span: Span, group_by: Sequence[str]) -> list[UsageRow]:
    """Return the usage of a span in groups, sorted by what they are grouped by."""
    names = [name for name in GROUPS if name in group_by]
    columns = "".join(f"{GROUPS[name]}, " for name in names)
    sums = ", ".join(f"sum({column})::bigint" for column in _SUMS.split(", "))
    numbers = ", ".join(str(number + 1) for number in range(len(names)))
    order = f"GROUP BY {numbers} ORDER BY {numbers}" if names else "HAVING count(*) > 0"
    rows = _query(f"SELECT {columns}count(*), {sums} {_WHERE} {order}", span)
    return [_group(dict(zip(names, row, strict=False)), row[len(names) :]) for row in rows]


def usage_after(
    span: Span, after: tuple[datetime, int]
) -> tuple[list[UsageRow], tuple[datetime, int] | None]:
    """Return the next rows of a span, oldest first, with where the rows after them begin (None: the end).

    `after` is the place of the row before: its time and id; the span's start and 0 for the first.
    """
    rows = _query(
        f"""
        SELECT booked_at, id, subject_id, provider_id, model, card_hash, api_key_id, tag, entry_key, {_SUMS}
        {_WHERE} AND (booked_at, id) > (%(after)s, %(id)s) ORDER BY booked_at, id LIMIT {BATCH}
        """,
        span,
        after=after[0],
        id=after[1],
    )
    return [_job(row) for row in rows], (rows[-1][0], rows[-1][1]) if len(rows) == BATCH else None


def _query(sql: str, span: Span, **more: Any) -> list[tuple[Any, ...]]:
    parameters = {"organisation": span.organisation_id, "start": span.start, "end": span.end, **more}
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _group(names: dict[str, Any], figures: tuple[Any, ...]) -> UsageRow:
    key = names.get("key")
    return UsageRow(
        jobs=figures[0],
        day=names.get("day"),
        key_id=public_id("key", key) if key else None,
        model=names.get("model"),
        tag=names.get("tag"),
        **_figures(figures[1:]),
    )


def _job(row: tuple[Any, ...]) -> UsageRow:
    booked_at, _, job_id, provider_id, model, card_hash, key, tag, entry_key, *figures = row
    return UsageRow(
        settled_at=rfc3339(booked_at),
        job_id=public_id("job", job_id),
        provider_id=public_id("organisation", provider_id),
        model=model,
        card_hash=card_hash,
        key_id=public_id("key", key) if key else None,
        tag=tag,
        entry_key=entry_key,
        **_figures(figures),
    )


def _figures(figures: Sequence[int]) -> dict[str, Any]:
    named = dict(zip(_SUMS.split(", "), figures, strict=True))
    return {**named, "charged_nano_usd": named["escrow_nano_usd"] + named["fee_nano_usd"]}
