"""Webhooks of the organisation. Listing needs the scope `read`, the rest `keys`."""

from collections.abc import Sequence

import msgspec

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.webhooks import DeliveryView, MadeWebhook, NewWebhook, WebhookView


def webhook_list() -> Call[Page[WebhookView]]:
    """Return the addresses that are told of events, newest first."""
    return get("/v1/webhooks", Page[WebhookView])


def webhook_create(url: str, *, types: Sequence[str] = ()) -> Call[MadeWebhook]:
    """Have an https address told of events of these types (of all, if none is named); shows its secret once.

    It is not repeated after a lost connection: a repetition would make another one.
    """
    body = msgspec.json.encode(NewWebhook(url=url, types=list(types)))
    return Call(method="POST", path="/v1/webhooks", shape=MadeWebhook, body=body)


def webhook_remove(webhook_id: str) -> Call[WebhookView]:
    """Tell an address nothing more."""
    return write("DELETE", f"/v1/webhooks/{segment(webhook_id)}", WebhookView, idempotency_key=None)


def webhook_delivery_list() -> Call[Page[DeliveryView]]:
    """Return what webhooks were told, or are to be, newest first, at most 200."""
    return get("/v1/webhook-deliveries", Page[DeliveryView])


def webhook_replay(delivery_id: str) -> Call[DeliveryView]:
    """Have an event delivered once more, under the same id."""
    path = f"/v1/webhook-deliveries/{segment(delivery_id)}/replay"
    return write("POST", path, DeliveryView, idempotency_key=None)
