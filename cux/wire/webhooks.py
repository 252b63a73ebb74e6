"""Webhooks as their organisation manages them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Id, Instant, Name

EventType = Annotated[str, Meta(pattern=r"^[a-z_]{1,20}\.[a-z_]{1,20}\Z")]
"""A type of event, such as `deposit.succeeded`; `docs/webhooks.md` lists them."""


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An https address to be told of events of these types, of all if none is named."""

    url: Annotated[str, Meta(min_length=9, max_length=500)]
    types: Annotated[list[EventType], Meta(max_length=50)] = []


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is told of events; `removed_at`: not any more."""

    webhook_id: Id
    url: str
    types: list[EventType]
    created_at: Instant
    removed_at: Instant | None = None


class MadeWebhook(WebhookView, frozen=True, kw_only=True):
    """A new webhook with the secret that verifies what it is told: this answer alone ever shows it."""

    secret: str


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one address. Neither `delivered_at` nor `next_at`: it was given up."""

    delivery_id: Id
    webhook_id: Id
    type: EventType
    attempts: Count
    outcome: Name | None
    created_at: Instant
    delivered_at: Instant | None = None
    next_at: Instant | None = None
