"""Keep the time that the sequencer needs to start bounded: a new snapshot whenever the tail has grown."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from exchange.models import Snapshot
from exchange.sequencer import snapshot
from exchange.sequencer.recovery import recovered
from exchange.sequencer.replay import last_sequence

EVERY: Final = 50_000
"""Commands after a snapshot that are worth a new one."""
AT_MOST: Final = 1_000_000
"""Commands played in one go: a journal that was never snapped is caught up with in several."""
KEPT: Final = 3


def snapshot_take(*, now: datetime, every: int = EVERY, at_most: int = AT_MOST, keep: int = KEPT) -> bool:
    """Take a snapshot if at least `every` commands came after the last; tell whether one was taken.

    It plays newest snapshot and tail, `at_most` commands of it, and deletes all but the newest `keep`
    snapshots. It may run at any time, any number of times, beside the sequencer.
    """
    with transaction.atomic():
        connection.ensure_connection()
        session = connection.connection
        newest = Snapshot.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        if last_sequence(session) - newest < every:
            return False
        snapshot.take(session, recovered(session, at_most=at_most), now=now)
        snapshot.prune(session, keep=keep)
    return True
