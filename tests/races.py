"""Races of two sessions of PostgreSQL, without luck: one is kept before its end until the other waits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections, transaction

from core.errors import CuxError
from core.retry import transact
from tests.database import is_waited_for
from tests.waiting import eventually


def race(
    first: Callable[[], object], second: Callable[[], object], meanwhile: Callable[[], object] = lambda: None
) -> tuple[Any, Any]:
    """Do one thing in a transaction, and another in a session of its own before that transaction ends.

    It ends as soon as the second waits for it, and `meanwhile` is done in it, or as soon as the second is
    through without waiting: what a lock is for is shown by what became of both. Return what they returned; of
    a refusal of the second its code.
    """
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            won = first()
            other = thread.submit(_alone, second)
            eventually(lambda: is_waited_for() or other.done())
            meanwhile()
        return won, other.result()


def unhindered(work: Callable[[], object]) -> None:
    """Do something in this transaction for which nobody else has a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1ms'")
    work()


def _alone(work: Callable[[], object]) -> object:
    try:
        return transact(work)
    except CuxError as refusal:
        return refusal.code
    finally:
        connections.close_all()
