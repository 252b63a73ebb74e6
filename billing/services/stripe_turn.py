"""One worker process of a machine at a time waits for Stripe, so that the others go on with everything else.

If Stripe hangs, each question takes twenty seconds to be given up; two workers that both wait would keep
jobs and the outbox waiting with them.
"""

import functools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec

import psycopg
import structlog
from django.db import OperationalError, connection

P = ParamSpec("P")
log = structlog.get_logger(__name__)
_PATIENCE: Final = "1s"
_NAME: Final = f"stripe on {socket.gethostname()}"


def at_stripe(work: Callable[P, None]) -> Callable[P, None]:
    """Return `work` as it is done in turn; if the turn does not come soon, it is left to the reconcilers."""

    @functools.wraps(work)
    def in_turn(*args: P.args, **kwargs: P.kwargs) -> None:
        with stripe_turn() as ours:
            if ours:
                work(*args, **kwargs)
            else:
                log.info("stripe_turn_taken", work=work.__name__)

    return in_turn


@contextmanager
def stripe_turn() -> Iterator[bool]:
    """Hold this machine's turn; yield whether it came within a second. No transaction may be open."""
    ours = _taken()
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_NAME])


def _taken() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [_PATIENCE])
        try:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [_NAME])
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True
