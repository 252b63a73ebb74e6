"""Hints to the workers: "this row wants you now", sent through the broker after the commit.

A hint makes work start within milliseconds; without it (broker down, message lost) the outbox and the
reconcilers start the same work within seconds. So a hint never raises and never waits for long: one
attempt, half a second at most.
"""

from functools import lru_cache
from typing import Any, Final

import structlog
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 0.5


def hint_on_commit(*, task: str, queue: str, **ids: str) -> None:
    """Send the named task with these ids once the current transaction has committed."""
    transaction.on_commit(lambda: _send(task, queue, ids))


def _send(task: str, queue: str, ids: dict[str, Any]) -> None:
    try:
        _producer().send_task(task, kwargs=ids, queue=queue, retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("hint_not_sent", task=task, error=str(error))


@lru_cache(maxsize=1)
def _producer() -> Celery:
    """Return an app that only sends. Kombu would try to connect for ever without `max_retries`."""
    producer = Celery("cux-hints", broker=settings.BROKER_URL, set_as_current=False)
    producer.conf.update(
        task_serializer="json",
        broker_connection_timeout=_TIMEOUT_S,
        broker_transport_options={
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "max_retries": 0,
        },
    )
    return producer
