"""Who may write: an advisory lock elects one sequencer, an epoch fences off the one before it.

The lock belongs to the database session that also writes the batches: whoever lost the one has lost
the other. The epoch guards against an owner whose session was ended while it was at work elsewhere.
"""

from datetime import datetime

import structlog
from django.db import connection, transaction
from django.db.models import F

from exchange.models import SequencerOwner

log = structlog.get_logger(__name__)


class FencedOffError(Exception):
    """Another sequencer has taken over; this one must stop without answering."""


def take_ownership(*, shard: str, now: datetime) -> int:
    """Wait for the shard's lock and return the new epoch. From then on no older owner can commit."""
    name = f"cux.sequencer.{shard}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if cursor.fetchone() != (True,):
            log.info("sequencer_waiting", shard=shard, reason="another sequencer holds the lock")
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            cursor.execute("RESET lock_timeout")
    with transaction.atomic():
        SequencerOwner.objects.get_or_create(shard=shard, defaults={"epoch": 0, "since": now})
        ours = SequencerOwner.objects.filter(shard=shard)
        ours.update(epoch=F("epoch") + 1, since=now)
        epoch = ours.get().epoch
    log.info("sequencer_owner", shard=shard, epoch=epoch)
    return epoch
