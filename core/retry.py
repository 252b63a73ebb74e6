"""Run a transaction again when PostgreSQL broke it off to resolve a conflict with another one."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
from django.db import OperationalError, connection, transaction

from core.errors import Code, CuxError

T = TypeVar("T")
ATTEMPTS: Final = 5
RETRYABLE: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_PAUSE_S: Final = 0.01


def transact(work: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Run `work` in a transaction and return what it returns; after a conflict, run it again.

    Inside a transaction it only opens a savepoint: a broken transaction can be run again as a whole
    only, by whoever opened it. Pauses are random, and longer each time (up to 20, 40, 80, 160 ms).

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE after five conflicts; whatever `work` raises.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            return work()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if not is_conflict(error):
                raise
            if attempt == ATTEMPTS:
                raise CuxError(Code.DEPENDENCY_UNAVAILABLE, retry_after_s=1) from error
        pause(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last attempt returns or raises")


def is_conflict(error: BaseException) -> bool:
    """Tell whether PostgreSQL gave up this transaction for another's sake, so that it may run again."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    return isinstance(cause, psycopg.Error) and cause.sqlstate in RETRYABLE
