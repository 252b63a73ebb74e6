"""The drain of the outbox, which hands every app's messages to its handlers."""

from typing import Final

from celery import shared_task

from billing.tasks import OUTBOX_HANDLERS as BILLING_HANDLERS
from core.clock import utc_now
from core.outbox import outbox_drain
from exchange.tasks import OUTBOX_HANDLERS as EXCHANGE_HANDLERS
from inference.tasks import OUTBOX_HANDLERS as INFERENCE_HANDLERS

HANDLERS: Final = {**BILLING_HANDLERS, **EXCHANGE_HANDLERS, **INFERENCE_HANDLERS}


@shared_task(name="config.outbox_drain")
def outbox_drain_task() -> None:
    """Hand out the messages that nobody has handed out yet."""
    outbox_drain(HANDLERS, utc_now())
