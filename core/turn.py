"""One process at a time waits for the world outside, so that the others go on with everything else."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection


@contextmanager
def turn(name: str, *, patience_ms: int) -> Iterator[bool]:
    """Hold the turn of this name; yield whether it came in time. No transaction may be open."""
    ours = _taken(name, patience_ms)
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _taken(name: str, patience_ms: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{patience_ms}ms"])
        try:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True
