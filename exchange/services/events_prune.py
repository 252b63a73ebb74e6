"""Forget events of markets and accounts that nobody resumes from any more.

Who has missed more than this begins with a snapshot of the book, or of its orders. The newest events stay
however old they are: the sequencer numbers the next one after them.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

MARKET_WINDOW: Final = timedelta(hours=1)
ACCOUNT_WINDOW: Final = timedelta(days=7)
"""How long an event can be resumed from, at least."""
KEPT: Final = 1_000
"""So many newest events of each market and account stay for good."""
AT_MOST: Final = 50_000
"""Events of one market or account that one run deletes: no transaction grows long."""


def events_prune(*, now: datetime, keep: int = KEPT, at_most: int = AT_MOST) -> int:
    """Delete events older than their window, except the newest `keep` of each owner; return how many."""
    with connection.cursor() as cursor:
        return sum(
            _prune(cursor, table, owners, owner, now - window, keep, at_most)
            for table, owners, owner, window in (
                ("exchange_marketevent", "exchange_instrument", "instrument_id", MARKET_WINDOW),
                ("exchange_accountevent", "accounts_organisation", "organisation_id", ACCOUNT_WINDOW),
            )
        )


def _prune(
    cursor: CursorWrapper,
    table: str,
    owners: str,
    owner: str,
    before: datetime,
    keep: int,
    at_most: int,
) -> int:
    """Sequence and time ascend together, so only the front of each owner's events is read."""
    cursor.execute(
        f"""
        DELETE FROM {table} e USING {owners} o CROSS JOIN LATERAL (
            SELECT min(sequence) AS first, max(sequence) AS last FROM {table} WHERE {owner} = o.id
        ) span
        WHERE e.{owner} = o.id AND e.at < %s
            AND e.sequence < span.first + %s AND e.sequence <= span.last - %s
        """,  # noqa: S608 - our own constants
        [before, at_most, keep],
    )
    return int(cursor.rowcount)
