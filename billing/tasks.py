"""Celery tasks of billing: ids in, one service call each, any number of times.

`OUTBOX_HANDLERS` is what the outbox's drain does with billing's topics.
"""

from typing import Final

from celery import shared_task

from billing.services.holds import holds_expire
from core.clock import utc_now
from core.outbox import Handler


@shared_task(name="billing.holds_expire")
def holds_expire_task() -> None:
    """Release holds whose time is over."""
    holds_expire(now=utc_now())


OUTBOX_HANDLERS: Final[dict[str, Handler]] = {}
