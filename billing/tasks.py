"""Celery tasks of billing."""

from celery import shared_task

from billing.services.holds import holds_expire
from core.clock import utc_now


@shared_task(name="billing.holds_expire")
def holds_expire_task() -> None:
    """Release holds whose time is over."""
    holds_expire(now=utc_now())
