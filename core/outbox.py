"""The outbox: effects outside the database are rows of the transaction that decided them.

A drain hands each row to its handler and marks it in one transaction, so a row is handled at least
once: handlers are idempotent. Any number of drains may run at once; they never wait for each other.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from core.models import OutboxMessage

log = structlog.get_logger(__name__)

Handler = Callable[[dict[str, Any]], None]


def outbox_add(*, topic: str, payload: Mapping[str, Any]) -> uuid.UUID:
    """This function will write a message for `topic` in the caller's transaction and return its id.

    The payload is JSON: UUIDs are written as strings.

    Raises:
        RuntimeError: there is no transaction, so the effect could outlive its cause.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Expected a transaction around outbox_add")
    return OutboxMessage.objects.create(topic=topic, payload=dict(payload)).id


def outbox_drain(handlers: Mapping[str, Handler], now: datetime) -> int:
    """Hand every unsent message of these topics to its handler, oldest first; return how many were sent.

    A handler that raises leaves its message unsent for the next drain, and does not stop this one.
    """
    sent = 0
    seen = uuid.UUID(int=0)
    while True:
        with transaction.atomic():
            message = (
                OutboxMessage.objects.select_for_update(skip_locked=True)
                .filter(sent_at__isnull=True, topic__in=list(handlers), id__gt=seen)
                .order_by("id")
                .first()
            )
            if message is None:
                return sent
            seen = message.id
            sent += _deliver(message, handlers[message.topic], now)


def _deliver(message: OutboxMessage, handler: Handler, now: datetime) -> int:
    row = OutboxMessage.objects.filter(id=message.id)
    try:
        with transaction.atomic():  # what a failing handler wrote itself is undone; the count is kept
            handler(message.payload)
    except Exception:
        log.exception("outbox_message_failed", topic=message.topic, message_id=str(message.id))
        row.update(attempts=F("attempts") + 1)
        return 0
    row.update(attempts=F("attempts") + 1, sent_at=now)
    return 1
