"""Deliver what webhooks are to be told: signed (Standard Webhooks), again and again until it is taken.

An attempt is noted and committed before it is made, so that a process that dies on the way tries again later.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from standardwebhooks.webhooks import Webhook

from accounts.models import WebhookDelivery
from accounts.services.webhook_endpoints import webhook_secret
from core.egress import EgressError, post
from core.errors import Code, CuxError

RETRY_AFTER: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 86_400)
)
"""Waits between the attempts, over nearly three days; after the last one it is given up."""
TIMEOUT_S: Final = 10.0
_BATCH: Final = 50
_SHOWN: Final = 200


def webhooks_deliver(*, now: datetime) -> int:
    """This function will make every attempt that is due, oldest first; return how many were taken.

    Any number may run at once. Level-triggered.
    """
    taken = 0
    for _ in range(_BATCH):
        delivery = _claim(now)
        if delivery is None:
            break
        taken += _attempt(delivery, now)
    return taken


def webhook_deliveries(organisation_id: uuid.UUID) -> list[WebhookDelivery]:
    """Return what the organisation's webhooks were told, or are to be, newest first, at most 200."""
    own = WebhookDelivery.objects.filter(endpoint__organisation_id=organisation_id)
    return list(own.select_related("endpoint").order_by("-id")[:_SHOWN])


def webhook_replay(*, organisation_id: uuid.UUID, delivery_id: uuid.UUID, now: datetime) -> WebhookDelivery:
    """This function will have an event delivered once more, from now on, under the same id.

    Raises:
        CuxError: NOT_FOUND, there is no such delivery, or its webhook was removed.
    """
    own = WebhookDelivery.objects.filter(
        endpoint__organisation_id=organisation_id, endpoint__removed_at__isnull=True, id=delivery_id
    )
    if not own.update(next_at=now, delivered_at=None, attempts=0):
        raise CuxError(Code.NOT_FOUND, "There is no such delivery.")
    return own.get()


@transaction.atomic(durable=True)
def _claim(now: datetime) -> WebhookDelivery | None:
    """Take the next attempt: note it, and when the one after it would be."""
    due = WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint")
    delivery = due.filter(next_at__lte=now).order_by("next_at", "id").first()
    if delivery is None:
        return None
    is_last = delivery.attempts >= len(RETRY_AFTER)
    delivery.next_at = None if is_last else now + RETRY_AFTER[delivery.attempts]
    delivery.attempts += 1
    delivery.outcome = "under way"
    delivery.save(update_fields=["next_at", "attempts", "outcome"])
    return delivery


def _attempt(delivery: WebhookDelivery, now: datetime) -> bool:
    body = delivery.body.encode()
    event = f"msg_{delivery.id.hex}"
    headers = {
        "content-type": "application/json",
        "user-agent": "cux-webhooks",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(webhook_secret(delivery.endpoint)).sign(event, now, delivery.body),
    }
    try:
        status = post(
            delivery.endpoint.url,
            body=body,
            headers=headers,
            timeout_s=TIMEOUT_S,
            allowed=settings.WEBHOOK_NETWORKS,
        )
    except EgressError as error:
        return _note(delivery, False, str(error), now)
    return _note(delivery, 200 <= status < 300, f"answered {status}", now)


def _note(delivery: WebhookDelivery, taken: bool, outcome: str, now: datetime) -> bool:
    row = WebhookDelivery.objects.filter(id=delivery.id, attempts=delivery.attempts)
    fields = {"next_at": None, "delivered_at": now} if taken else {}
    row.update(outcome=outcome[:200], **fields)
    return taken
