"""The outbox: effects outside the database are rows of the transaction that decided them.

A drain hands each row to its handler and marks it in one transaction, so a row is handled at least
once: handlers are idempotent. Any number of drains may run at once; they never wait for each other.

A message that fails is tried again ever more seldom, and those after it go on meanwhile, also of its topic
and its object: no handler relies on their order.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q

from core.models import OutboxMessage

log = structlog.get_logger(__name__)

Handler = Callable[[dict[str, Any]], None]

RETRY_MAX: Final = timedelta(minutes=10)
_ERROR_MAX: Final = 500
"""Characters of an error that are kept."""


def retry_after(attempts: int) -> timedelta:
    """Return how long a message rests that has failed so often: 1 s, then twice as long each time."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 30)), RETRY_MAX)


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
    """Hand every unsent message of these topics that is due to its handler; return how many were sent.

    Oldest first. A handler that raises leaves its message unsent until `retry_after`, and does not stop the
    others.
    """
    sent = 0
    due = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
    seen = uuid.UUID(int=0)
    while True:
        with transaction.atomic():
            message = (
                OutboxMessage.objects.select_for_update(skip_locked=True)
                .filter(due, sent_at__isnull=True, topic__in=list(handlers), id__gt=seen)
                .order_by("id")
                .first()
            )
            if message is None:
                return sent
            seen = message.id
            sent += _deliver(message, handlers[message.topic], now)


def _deliver(message: OutboxMessage, handler: Handler, now: datetime) -> int:
    message.attempts += 1
    try:
        with transaction.atomic():  # what a failing handler wrote itself is undone; what is noted here stays
            handler(message.payload)
    except Exception as error:
        log.exception("outbox_message_failed", topic=message.topic, message_id=str(message.id))
        message.retry_at = now + retry_after(message.attempts)
        message.last_error = f"{type(error).__name__}: {error}".replace("\0", "")[:_ERROR_MAX]
    else:
        message.sent_at = now
    message.save(update_fields=["attempts", "retry_at", "last_error", "sent_at"])
    return int(message.sent_at is not None)
