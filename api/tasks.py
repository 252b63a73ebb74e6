"""Celery tasks of the API: batches. Arguments are ids only; the broker is a hint, the rows are the truth."""

import uuid
from typing import Any

from celery import shared_task

from api.openai.batch_advance import batch_advance, batches_reconcile
from core.clock import utc_now


@shared_task(name="api.batch_advance")
def batch_advance_task(*, batch_id: str, **_: Any) -> None:
    """Take the batch as far as it can go."""
    batch_advance(batch_id=uuid.UUID(batch_id), now=utc_now())


@shared_task(name="api.batches_reconcile")
def batches_reconcile_task() -> None:
    """Advance every open batch."""
    batches_reconcile(now=utc_now())
