"""The reconciler of covers: every cover that has not ended goes as far as it can now."""

from datetime import datetime

import structlog

from exchange.models import Cover
from exchange.services.cover_run import cover_run

log = structlog.get_logger(__name__)


def covers_run(*, now: datetime) -> int:
    """This function will run every unfinished cover, oldest first, and return how many have ended.

    It stands behind the outbox's `cover.run`, and makes the further attempts of a cover whose compute
    was not on offer yet. One that fails is logged and does not stop the others.
    """
    unfinished = Cover.objects.exclude(state__in=Cover.DONE).order_by("started_at")
    ended = 0
    for cover_id in list(unfinished.values_list("id", flat=True)):
        try:
            ended += cover_run(cover_id=cover_id, now=now) in Cover.DONE
        except Exception:
            log.exception("cover_not_run", cover_id=str(cover_id))
    return ended
