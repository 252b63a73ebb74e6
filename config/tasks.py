"""What the clock does for all apps: hand out the outbox's messages, delete what is done with."""

from typing import Final

from celery import shared_task

from accounts.retention import RETENTIONS as ACCOUNTS_RETENTIONS
from billing.retention import RETENTIONS as BILLING_RETENTIONS
from billing.tasks import OUTBOX_HANDLERS as BILLING_HANDLERS
from core.clock import utc_now
from core.outbox import outbox_drain
from core.retention import RETENTIONS as CORE_RETENTIONS
from core.retention import prune
from exchange.tasks import OUTBOX_HANDLERS as EXCHANGE_HANDLERS
from inference.retention import RETENTIONS as INFERENCE_RETENTIONS
from inference.tasks import OUTBOX_HANDLERS as INFERENCE_HANDLERS
from web.retention import RETENTIONS as WEB_RETENTIONS

HANDLERS: Final = {**BILLING_HANDLERS, **EXCHANGE_HANDLERS, **INFERENCE_HANDLERS}
RETENTIONS: Final = (
    *CORE_RETENTIONS,
    *ACCOUNTS_RETENTIONS,
    *BILLING_RETENTIONS,
    *INFERENCE_RETENTIONS,
    *WEB_RETENTIONS,
)


@shared_task(name="config.outbox_drain")
def outbox_drain_task() -> None:
    """Hand out the messages that nobody has handed out yet."""
    outbox_drain(HANDLERS, utc_now())


@shared_task(name="config.prune")
def prune_task() -> None:
    """Delete what need not be kept any more."""
    prune(RETENTIONS, now=utc_now())
