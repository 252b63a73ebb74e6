"""Run a transaction again when PostgreSQL broke it off to resolve a conflict with another one."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
from django.db import OperationalError, connection, transaction

from core.counters import CONFLICTS
from core.errors import Code, CuxError

T = TypeVar("T")
ATTEMPTS: Final = 5
RETRYABLE: Final = {"40001": "serialization", "40P01": "deadlock", "55P03": "lock_timeout"}
"""The conflicts that PostgreSQL resolves at a transaction's cost, by SQLSTATE."""
_PAUSE_S: Final = 0.01


def transact(work: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Run `work` in a transaction and return what it returns; after a conflict, run it again.

    Inside a transaction it only opens a savepoint: a broken transaction can be run again as a whole
    only, by whoever opened it.

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE after five conflicts; whatever `work` raises.
    """

    def whole() -> T:
        with transaction.atomic():
            return work()

    return whole() if connection.in_atomic_block else again_on_conflict(whole, pause=pause)


def again_on_conflict(whole: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Run `whole`, which is a transaction of its own, until no conflict breaks it off; at most five times.

    Pauses are random, and longer each time (up to 20, 40, 80, 160 ms); each conflict is counted.

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE after five conflicts; whatever `whole` raises.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return whole()
        except (OperationalError, psycopg.OperationalError) as error:
            kind = conflict_kind(error)
            if kind is None:
                raise
            CONFLICTS.labels(kind).inc()
            if attempt == ATTEMPTS:
                raise CuxError(Code.DEPENDENCY_UNAVAILABLE, retry_after_s=1) from error
        pause(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last attempt returns or raises")


def conflict_kind(error: BaseException) -> str | None:
    """Return what PostgreSQL gave this transaction up for, another's sake, so that it may run again."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    return RETRYABLE.get(cause.sqlstate or "") if isinstance(cause, psycopg.Error) else None
