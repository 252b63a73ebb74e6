"""Note that something happened, for everybody who wants to be told."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhook_events import TYPES
from core.clock import rfc3339
from core.hints import hint_on_commit


def webhook_emit(
    *, organisation_id: uuid.UUID, type: str, event_id: str, data: Mapping[str, Any], now: datetime
) -> int:
    """This function will queue an event for every webhook that wants it, and return how many do.

    In the caller's transaction, so that nothing is told that did not happen. `event_id` names what happened
    (`deposit.succeeded:<id>`): told twice, it is delivered once.

    Raises:
        ValueError: no such type of event. RuntimeError: there is no transaction.
    """
    if type not in TYPES:
        raise ValueError(f"Expected one of the types of accounts.webhook_events, was {type!r}")
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Expected a transaction around webhook_emit")
    live = WebhookEndpoint.objects.filter(organisation_id=organisation_id, removed_at__isnull=True)
    wanted = [endpoint for endpoint in live if type in (endpoint.types or TYPES)]
    if not wanted:
        return 0
    body = json.dumps({"type": type, "timestamp": rfc3339(now), "data": dict(data)})
    facts = {"event_id": event_id, "type": type, "body": body, "next_at": now}
    made = WebhookDelivery.objects.bulk_create(
        [WebhookDelivery(endpoint=each, **facts) for each in wanted], ignore_conflicts=True
    )
    hint_on_commit(task="accounts.webhooks_deliver", queue="clock")
    return len(made)
