"""Guessing passwords is slow: ten attempts a quarter of an hour for a name from an address, a hundred from
an address whatever the names (one common password tried on many of them is guessing too)."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from core.errors import Code, CuxError
from web.models import LoginAttempts

LIMIT: Final = 10
ADDRESS_LIMIT: Final = 100
PERIOD: Final = timedelta(minutes=15)

# Counted before the password is looked at and in one statement, so that parallel guesses count too.
_TAKE: Final = """
    INSERT INTO web_loginattempts AS known (digest, attempts, started_at) VALUES (%(digest)s, 1, %(now)s)
    ON CONFLICT (digest) DO UPDATE SET
        attempts = CASE WHEN known.started_at <= %(expired)s THEN 1 ELSE known.attempts + 1 END,
        started_at = CASE WHEN known.started_at <= %(expired)s THEN %(now)s ELSE known.started_at END
    RETURNING attempts, started_at
"""


def login_attempt_take(*, username: str, address: str, now: datetime) -> None:
    """This function will count an attempt to sign in.

    Raises:
        CuxError: RATE_LIMITED, there were `LIMIT` for the name or `ADDRESS_LIMIT` in all from the address
            within `PERIOD`; `retry_after_s` says how long to wait.
    """
    for digest, limit in ((_digest(username, address), LIMIT), (_digest(address), ADDRESS_LIMIT)):
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"digest": digest, "now": now, "expired": now - PERIOD})
            attempts, started_at = cursor.fetchone()
        if attempts > limit:
            wait = started_at + PERIOD - now
            raise CuxError(Code.RATE_LIMITED, retry_after_s=max(1, int(wait.total_seconds())))


def login_attempts_forget(*, username: str, address: str) -> None:
    """This function will start counting anew for the name, after a success."""
    LoginAttempts.objects.filter(digest=_digest(username, address)).delete()


def _digest(*who: str) -> bytes:
    return hashlib.sha256("\n".join(who).casefold().encode()).digest()
