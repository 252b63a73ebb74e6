"""Post many items in one round trip, each as a whole or not at all, with an outcome for each.

`billing_batch_post` (migrations/sql/batch_post.sql) locks every balance row of the batch once, in one order,
decides the items one after the other in memory, and writes what stands set by set. `ledger_post` is the way
for a change that has to happen together with others of its transaction; this is the way for many changes that
have nothing to do with each other, or for one that needs no transaction around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

from billing.ledger.chart import AccountRef
from billing.ledger.posting import BatchItem
from billing.services.batch_arguments import ARGUMENT_TYPES, batch_arguments
from core.errors import Code
from core.pipe import Pipe, Statement
from core.retry import again_on_conflict

_NUMBERED: Final = ", ".join(f"${number}::{kind}" for number, kind in enumerate(ARGUMENT_TYPES, 1))
_SQL: Final = f"SELECT array_to_string(billing_batch_post({_NUMBERED}), ',')"
_RACED: Final = frozenset({"entry_key_once", "billing_hold_pkey"})
_NO_FLOORS: Final[Mapping[AccountRef, int]] = MappingProxyType({})
_pipes: "WeakKeyDictionary[psycopg.Connection[tuple[object, ...]], Pipe]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item: `posted` now, or before (`replayed`), or refused with a code."""

    posted: bool = False
    replayed: bool = False
    refusal: Code | None = None


_OUTCOMES: Final = {
    b"posted": ItemOutcome(posted=True),
    b"replayed": ItemOutcome(replayed=True),
    **{
        code.name.lower().encode(): ItemOutcome(refusal=code)
        for code in (
            Code.IDEMPOTENCY_KEY_REUSED,
            Code.HOLD_EXPIRED,
            Code.HOLD_NOT_COVERING,
            Code.INSUFFICIENT_BALANCE,
            Code.NUMBER_TOO_LARGE,
        )
    },
}


def batch_post(
    *, items: Sequence[BatchItem], now: datetime, issue_floors: Mapping[AccountRef, int] = _NO_FLOORS
) -> list[ItemOutcome]:
    """This function will post the items as if one after the other, and say of each what became of it.

    A refused item has no effect, and the others go on. An item with an entry is a replay when its key was
    posted with the same body before, in this batch too; its placements and steps are left out then. One
    without is a replay when it only places holds that are there already. `now` is recorded as booked, placed
    and ended; whether a hold has expired is decided by the database's clock, once for the whole batch.

    Outside of a transaction it is one of its own, which runs again after a conflict with another session.
    Inside one it takes part in it; a conflict is then raised to whoever opened the transaction.

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE after five conflicts.
    """
    if not items:
        return []
    arguments = batch_arguments(items, issue_floors, now)
    statement = Statement(_SQL, [argument.encode() for argument in arguments])
    connection.ensure_connection()
    post = _posting(statement)
    return post() if connection.in_atomic_block else again_on_conflict(post)


def _posting(statement: Statement) -> Callable[[], list[ItemOutcome]]:
    def post() -> list[ItemOutcome]:
        try:
            *_, result = _pipe().run([*_begin(), statement])
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name in _RACED:  # another session was first, on other accounts
                raise psycopg.errors.SerializationFailure(*error.args) from error
            raise
        return [_OUTCOMES[outcome] for outcome in (result.get_value(0, 0) or b"").split(b",")]

    return post


def _begin() -> list[Statement]:
    """Return what opens a transaction that Django has promised and the driver would open by and by."""
    promised = connection.in_atomic_block
    idle = connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    return [Statement("BEGIN")] if promised and idle else []


def _pipe() -> Pipe:
    """Return the pipe of Django's session: what it has prepared is prepared once per session."""
    connection.ensure_connection()
    session = connection.connection
    pipe = _pipes.get(session)
    if pipe is None:
        pipe = _pipes[session] = Pipe(session)
    return pipe
