"""Celery tasks of accounts."""

import socket
from typing import Any, Final

from celery import shared_task

from accounts.services.webhooks_deliver import webhooks_deliver
from core.turn import turn

WEBHOOKS_TURN: Final = f"webhooks on {socket.gethostname()}"
_PATIENCE_MS: Final = 1


@shared_task(name="accounts.webhooks_deliver")
def webhooks_deliver_task(**_: Any) -> None:
    """Make the attempts to deliver webhooks that are due, unless another worker of this machine does."""
    with turn(WEBHOOKS_TURN, patience_ms=_PATIENCE_MS) as ours:
        if ours:
            webhooks_deliver()
