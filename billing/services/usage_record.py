"""Record what leases have used so far, many at a time, exactly once each."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from django.db import IntegrityError, connection

from billing.services.posting_arguments import columns
from core.errors import Code, CuxError
from core.retry import transact

# The row's own key tells a retry, so a retry costs nothing and nothing can be forgotten beside it.
_RECORD: Final = """
    INSERT INTO billing_usagereceipt (lease_id, sequence, organisation_id, compute_ucu, recorded_at)
    SELECT u.lease_id, u.sequence, u.organisation_id, u.compute_ucu, %s
    FROM unnest(%s::uuid[], %s::int[], %s::uuid[], %s::bigint[])
        AS u (lease_id, sequence, organisation_id, compute_ucu)
    ORDER BY u.lease_id, u.sequence ON CONFLICT (lease_id, sequence) DO NOTHING
"""
_CONFLICT: Final = """
    SELECT FROM unnest(%s::uuid[], %s::int[], %s::uuid[], %s::bigint[])
        AS u (lease_id, sequence, organisation_id, compute_ucu)
    JOIN billing_usagereceipt r USING (lease_id, sequence)
    WHERE (r.organisation_id, r.compute_ucu) <> (u.organisation_id, u.compute_ucu) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A lease has used `compute_ucu` (µCU) in all when it stood at `sequence`."""

    lease_id: uuid.UUID
    sequence: int
    organisation_id: uuid.UUID
    compute_ucu: int


def usage_record(*, rows: Sequence[UsageRow], now: datetime) -> int:
    """This function will record the receipts that are new, all or none of them, and return how many are.

    Those known with the same figures are retries, and free. They may arrive in any order.

    Raises:
        CuxError: IDEMPOTENCY_KEY_REUSED for a receipt known with other figures; INVALID_FIELD where a lease
            would have used less than before, or be another organisation's.
    """
    if not rows:
        return 0
    figures = columns([(row.lease_id, row.sequence, row.organisation_id, row.compute_ucu) for row in rows], 4)
    try:
        return transact(lambda: _record(figures, now))
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "usage_never_falls":
            raise CuxError(Code.INVALID_FIELD, "A lease's usage cannot fall.", param="compute_ucu") from error
        raise


def _record(figures: list[Any], now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [now, *figures])
        recorded = int(cursor.rowcount)
        if recorded < figures[0].count(",") + 1:
            cursor.execute(_CONFLICT, figures)
            if cursor.fetchone() is not None:
                raise CuxError(Code.IDEMPOTENCY_KEY_REUSED)
    return recorded
