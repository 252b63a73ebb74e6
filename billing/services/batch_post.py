"""Post many items in one round trip, each as a whole or not at all, with an outcome for each.

`billing_batch_post` (migrations/sql/batch_post.sql) locks every balance row of the batch once, in one order,
decides the items one after the other in memory, and writes what stands set by set. A batch that is one
transfer has a shorter way (`transfer_post`). `ledger_post` is the way for a change that has to happen
together with others of its transaction; this is the way for many changes that have nothing to do with each
other, or for one that needs no transaction around it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from billing.ledger.chart import AccountRef
from billing.ledger.posting import BatchItem
from billing.services.batch_arguments import ARGUMENT_TYPES, batch_arguments
from billing.services.transfer_post import POSTED, transfer_statement
from core.errors import Code
from core.pipe import Pipe, Statement
from core.retry import again_on_conflict

_RACED: Final = frozenset({"entry_key_once", "billing_hold_pkey"})
_NO_FLOORS: Final[Mapping[AccountRef, int]] = MappingProxyType({})
_pipes: "WeakKeyDictionary[psycopg.Connection[Any], Pipe]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item: `posted` now, or before (`replayed`), or refused with a code."""

    posted: bool = False
    replayed: bool = False
    refusal: Code | None = None


_POSTED: Final = ItemOutcome(posted=True)
_OUTCOMES: Final = {
    b"posted": _POSTED,
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
    session = connections[DEFAULT_DB_ALIAS]
    session.ensure_connection()
    short = transfer_statement(items, now)

    def post() -> list[ItemOutcome]:
        if short and _result(session, short) == POSTED:
            return [_POSTED]
        statement = _statement(batch_arguments(items, issue_floors, now))
        try:
            outcomes = _result(session, statement) or b""
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name in _RACED:  # another session was first, on other accounts
                raise psycopg.errors.SerializationFailure(*error.args) from error
            raise
        return [_OUTCOMES[outcome] for outcome in outcomes.split(b",")]

    return post() if session.in_atomic_block else again_on_conflict(post)


def _result(session: BaseDatabaseWrapper, statement: Statement) -> bytes | None:
    *_, result = _pipe(session).run([*_begin(session), statement])
    return result.get_value(0, 0)


def _statement(arguments: Sequence[str]) -> Statement:
    """Return the call; arrays that are empty stand in it, and are neither sent nor read each time."""
    empty = tuple(argument == "{}" for argument in arguments)
    sent = [argument.encode() for argument, left_out in zip(arguments, empty, strict=True) if not left_out]
    return Statement(_sql(empty), sent)


@lru_cache(maxsize=256)
def _sql(empty: tuple[bool, ...]) -> str:
    number = count(1)
    given = (
        f"'{{}}'::{kind}" if left_out else f"${next(number)}::{kind}"
        for kind, left_out in zip(ARGUMENT_TYPES, empty, strict=True)
    )
    return f"SELECT array_to_string(billing_batch_post({', '.join(given)}), ',')"


def _begin(session: BaseDatabaseWrapper) -> list[Statement]:
    """Return what opens a transaction that Django has promised and the driver would open by and by."""
    if not session.in_atomic_block:
        return []
    idle = session.connection.info.transaction_status == TransactionStatus.IDLE
    return [Statement("BEGIN")] if idle else []


def _pipe(session: BaseDatabaseWrapper) -> Pipe:
    """Return the pipe of Django's session: what it has prepared is prepared once per session."""
    pipe = _pipes.get(session.connection)
    if pipe is None:
        pipe = _pipes[session.connection] = Pipe(session.connection)
    return pipe
