"""Deliver what webhooks are to be told: signed (Standard Webhooks), again and again until it is taken.

An attempt is noted and committed before it is made, so that a process that dies on the way tries again later.
An endpoint has one attempt under way at a time. Those that left the last one unanswered come last, so that
they do not make the others wait.
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from standardwebhooks.webhooks import Webhook

from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.services.webhook_endpoints import webhook_secret
from core.clock import utc_now
from core.egress import EgressError, post
from core.errors import Code, CuxError

RETRY_AFTER: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 86_400)
)
"""Waits between the attempts, over nearly three days; after the last one it is given up."""
TIMEOUT_S: Final = 5.0
"""What an attempt may take in all."""
RUN_S: Final = 5.0
"""How long after its beginning a run begins attempts."""
REPLAYS: Final = 10
REPLAYS_PERIOD: Final = timedelta(minutes=1)
_CLAIM: Final = timedelta(seconds=15)
"""An attempt of which nothing was heard for so long was never made: its process died."""
_REST: Final = RETRY_AFTER[0]
"""An endpoint that did not answer is left alone for so long."""
_SHOWN: Final = 200
_TAKE_REPLAY: Final = """
    INSERT INTO accounts_webhookreplays AS known (organisation_id, replays, started_at)
    VALUES (%(who)s, 1, %(now)s)
    ON CONFLICT (organisation_id) DO UPDATE SET
        replays = CASE WHEN known.started_at <= %(expired)s THEN 1 ELSE known.replays + 1 END,
        started_at = CASE WHEN known.started_at <= %(expired)s THEN %(now)s ELSE known.started_at END
    RETURNING replays, started_at
"""


def webhooks_deliver(*, clock: Callable[[], datetime] = utc_now) -> int:
    """This function will make the attempts that are due, for about `RUN_S`; return how many were taken.

    `clock` is asked before and after each attempt, because they take time: waits count from their end.
    Any number may run at once. Level-triggered.
    """
    taken, ends_s = 0, time.monotonic() + RUN_S
    while time.monotonic() < ends_s and (delivery := _claim(clock())) is not None:
        taken += _attempt(delivery, clock)
    return taken


def webhook_deliveries(organisation_id: uuid.UUID) -> list[WebhookDelivery]:
    """Return what the organisation's webhooks were told, or are to be, newest first, at most 200."""
    own = WebhookDelivery.objects.filter(endpoint__organisation_id=organisation_id)
    return list(own.select_related("endpoint").order_by("-id")[:_SHOWN])


@transaction.atomic
def webhook_replay(*, organisation_id: uuid.UUID, delivery_id: uuid.UUID, now: datetime) -> WebhookDelivery:
    """This function will have an event delivered once more, from now on, under the same id.

    Raises:
        CuxError: NOT_FOUND, there is no such delivery, or its webhook was removed; RATE_LIMITED, the
            organisation had `REPLAYS` within `REPLAYS_PERIOD`.
    """
    own = WebhookDelivery.objects.filter(
        endpoint__organisation_id=organisation_id, endpoint__removed_at__isnull=True, id=delivery_id
    )
    if not own.exists():
        raise CuxError(Code.NOT_FOUND, "There is no such delivery.")
    _take_replay(organisation_id, now)
    own.update(next_at=now, delivered_at=None, attempts=0)
    return own.get()


def _take_replay(organisation_id: uuid.UUID, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_REPLAY, {"who": organisation_id, "now": now, "expired": now - REPLAYS_PERIOD})
        replays, started_at = cursor.fetchone()
    if replays > REPLAYS:
        wait = started_at + REPLAYS_PERIOD - now
        raise CuxError(Code.RATE_LIMITED, retry_after_s=max(1, int(wait.total_seconds())))


@transaction.atomic(durable=True)
def _claim(now: datetime) -> WebhookDelivery | None:
    """Take the next attempt and its endpoint: note it, and when the one after it would be."""
    due = WebhookDelivery.objects.select_related("endpoint").select_for_update(
        skip_locked=True, no_key=True, of=("self", "endpoint")
    )
    free = Q(endpoint__busy_until__isnull=True) | Q(endpoint__busy_until__lte=now)
    answering_first = F("endpoint__busy_until").asc(nulls_first=True)
    delivery = due.filter(free, next_at__lte=now).order_by(answering_first, "next_at", "id").first()
    if delivery is None:
        return None
    is_last = delivery.attempts >= len(RETRY_AFTER)
    delivery.next_at = None if is_last else now + RETRY_AFTER[delivery.attempts]
    delivery.attempts += 1
    delivery.outcome = "under way"
    delivery.save(update_fields=["next_at", "attempts", "outcome"])
    delivery.endpoint.busy_until = now + _CLAIM
    delivery.endpoint.save(update_fields=["busy_until"])
    return delivery


def _attempt(delivery: WebhookDelivery, clock: Callable[[], datetime]) -> bool:
    body, sent_at = delivery.body.encode(), clock()
    event = f"msg_{delivery.id.hex}"
    headers = {
        "content-type": "application/json",
        "user-agent": "cux-webhooks",
        "webhook-id": event,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(webhook_secret(delivery.endpoint)).sign(event, sent_at, delivery.body),
    }
    status = None
    try:
        status = post(
            delivery.endpoint.url,
            body=body,
            headers=headers,
            timeout_s=TIMEOUT_S,
            allowed=settings.WEBHOOK_NETWORKS,
        )
        outcome = f"answered {status}"
    except EgressError as error:
        outcome = str(error)
    now = clock()
    busy = WebhookEndpoint.objects.filter(id=delivery.endpoint_id, busy_until=delivery.endpoint.busy_until)
    taken = status is not None and 200 <= status < 300
    with transaction.atomic():
        busy.update(busy_until=None if status is not None else now + _REST)
        _note(delivery, taken, outcome, now)
    return taken


def _note(delivery: WebhookDelivery, taken: bool, outcome: str, now: datetime) -> None:
    """Note what came of an attempt, unless it was replayed meanwhile; the next wait begins now."""
    row = WebhookDelivery.objects.filter(id=delivery.id, attempts=delivery.attempts)
    if taken:
        row.update(outcome=outcome, next_at=None, delivered_at=now)
        return
    if delivery.next_at is not None:  # null by now if the webhook was removed: it stays so
        row.filter(next_at__isnull=False).update(next_at=now + RETRY_AFTER[delivery.attempts - 1])
    row.update(outcome=outcome[:200])
