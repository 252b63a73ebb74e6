"""Post a batch to the ledger: the only way money and compute move.

One round trip to `billing_ledger_post` (migrations/sql/ledger_post.sql), which ensures accounts, decides
idempotency, locks balances in one order, moves holds, writes transfers, and applies one net change per
account.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import django.db
import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from billing.ledger.chart import AccountRef
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from billing.services.posting_arguments import (
    ARGUMENT_TYPES,
    account_arguments,
    entry_arguments,
    leg_arguments,
    placement_arguments,
    step_arguments,
)
from core.errors import Code, CuxError
from core.ids import new_id
from core.pipe import Statement

_SQL: Final = f"SELECT billing_ledger_post({', '.join(f'%s::{kind}' for kind in ARGUMENT_TYPES)})"
_NUMBERED: Final = ", ".join(f"${number}::{kind}" for number, kind in enumerate(ARGUMENT_TYPES, 1))
_NUMBERED_SQL: Final = f"SELECT billing_ledger_post({_NUMBERED})"
_CODES: Final = {
    "CX001": Code.IDEMPOTENCY_KEY_REUSED,
    "CX002": Code.HOLD_EXPIRED,
    "CX003": Code.HOLD_NOT_COVERING,
    "22003": Code.NUMBER_TOO_LARGE,
}
_CHECKS: Final = {
    "balance_available_not_below_floor": Code.INSUFFICIENT_BALANCE,
    "balance_held_not_negative": Code.HOLD_NOT_COVERING,
    "balance_debt_not_overpaid": Code.HOLD_NOT_COVERING,
    "hold_ends_when_resolved": Code.HOLD_NOT_COVERING,
}
_NO_FLOORS: Final[Mapping[AccountRef, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PostOutcome:
    """What became of one entry: `replayed` when it was posted before (or earlier in the same call)."""

    key: str
    replayed: bool


def ledger_post(
    *,
    entries: Sequence[JournalEntry] = (),
    placements: Sequence[HoldPlacement] = (),
    steps: Sequence[HoldStep] = (),
    issue_floors: Mapping[AccountRef, int] = _NO_FLOORS,
    now: datetime,
    connection: BaseDatabaseWrapper | psycopg.Connection[Any] | None = None,
) -> list[PostOutcome]:
    """Apply entries, placements and steps as one net change, all or nothing; return one outcome per entry.

    Must run inside a transaction, of Django's default connection or of the one given. `now` is what is
    recorded as booked, placed and ended; whether a hold has expired is decided by the database's clock.
    `issue_floors` gives new CU-issue accounts their (negative) floor. When entries were given and all are
    replays, the whole call was made before and its placements and steps are left out too; a placement
    alone is idempotent by its id. A capture needs transfers out of its account in the same call.

    Raises:
        CuxError: INSUFFICIENT_BALANCE, IDEMPOTENCY_KEY_REUSED (also: steps beside a mixture of new and
            replayed entries), HOLD_EXPIRED, HOLD_NOT_COVERING, NUMBER_TOO_LARGE. Nothing has moved, and
            the transaction (or the savepoint around the call) has to be rolled back.
        RuntimeError: there is no transaction.
    """
    connection = django.db.connection if connection is None else connection
    _require_transaction(connection)
    entry_ids = [new_id() for _ in entries]
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                _SQL, _arguments(entries, entry_ids, placements, steps, issue_floors, now.isoformat())
            )
            row = cursor.fetchone()
    except (django.db.Error, psycopg.Error) as error:
        code = _refusal(error)
        if code is None:
            raise
        raise CuxError(code) from error
    posted = set(row[0]) if row else set()
    return [
        PostOutcome(entry.key, replayed=entry_id not in posted)
        for entry, entry_id in zip(entries, entry_ids, strict=True)
    ]


def ledger_statement(
    *,
    entries: Sequence[JournalEntry],
    placements: Sequence[HoldPlacement],
    steps: Sequence[HoldStep],
    issue_floors: Mapping[AccountRef, int],
    now: datetime,
) -> Statement:
    """Return what `ledger_post` would run, for a pipe, inside a transaction, whose outcome is all or nothing.

    For whoever knows that no entry was posted before; what the ledger refuses the pipe raises.
    """
    entry_ids = [new_id() for _ in entries]
    arguments = _arguments(entries, entry_ids, placements, steps, issue_floors, now.isoformat())
    return Statement(_NUMBERED_SQL, [argument.encode() for argument in arguments])


def _arguments(
    entries: Sequence[JournalEntry],
    entry_ids: Sequence[uuid.UUID],
    placements: Sequence[HoldPlacement],
    steps: Sequence[HoldStep],
    issue_floors: Mapping[AccountRef, int],
    now: str,
) -> list[str]:
    return [
        *account_arguments(entries, placements, issue_floors),
        *entry_arguments(entries, entry_ids),
        *leg_arguments(entries, entry_ids),
        *placement_arguments(placements),
        *step_arguments(steps),
        now,
    ]


def _require_transaction(connection: BaseDatabaseWrapper | psycopg.Connection[Any]) -> None:
    """Raise RuntimeError where a refusal could not be rolled back together with the caller's work."""
    if isinstance(connection, psycopg.Connection):
        inside = not connection.autocommit or connection.info.transaction_status != TransactionStatus.IDLE
    else:
        inside = connection.in_atomic_block
    if not inside:
        raise RuntimeError("ledger_post must run inside a transaction")


def _refusal(error: Exception) -> Code | None:
    """Return the code for what the database refused, None if it is no refusal of the ledger's."""
    cause = error.__cause__ if isinstance(error, django.db.Error) else error
    if not isinstance(cause, psycopg.Error):
        return None
    if cause.sqlstate == "23514":
        return _CHECKS.get(cause.diag.constraint_name or "")
    return _CODES.get(cause.sqlstate or "")
