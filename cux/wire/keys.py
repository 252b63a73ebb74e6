"""API keys as their organisation manages them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant, Name, Positive

Scope = Literal["read", "trade", "infer", "provide", "withdraw", "keys", "operate"]
Network = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:./]{2,43}\Z")]
"""An address or a network in CIDR notation."""
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
WindowSeconds = Annotated[int, Meta(ge=1, le=86_400)]


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make. It can do no more than the key that makes it, and has from it what is left open.

    It may place `order_limit` orders at once and as many again in every `order_window_s` seconds.
    """

    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=6)]
    expires_at: Instant | None = None
    allowed_networks: Annotated[list[Network], Meta(max_length=32)] = []
    order_limit: Rate | None = None
    order_window_s: WindowSeconds = 1


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret, which is kept nowhere; the prefix stands in it.

    `last_used_at` is when it was last presented, to within a minute.
    """

    key_id: Id
    name: Name
    prefix: str
    scopes: list[Scope]
    allowed_networks: list[Network]
    order_limit: Positive
    order_window_s: Positive
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    last_used_at: Instant | None = None


class IssuedApiKey(ApiKeyView, frozen=True, kw_only=True):
    """A new key with its secret: this answer is the only one that ever shows it."""

    secret: str
