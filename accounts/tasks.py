"""Celery tasks of accounts."""

from typing import Any

from celery import shared_task

from accounts.services.webhooks_deliver import webhooks_deliver
from core.clock import utc_now


@shared_task(name="accounts.webhooks_deliver")
def webhooks_deliver_task(**_: Any) -> None:
    """Make the attempts to deliver webhooks that are due."""
    webhooks_deliver(now=utc_now())
