"""API keys of the organisation. Listing needs the scope `read`, the rest `keys`."""

from collections.abc import Sequence

import msgspec

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.keys import ApiKeyView, IssuedApiKey, NewApiKey, Scope


def api_key_list() -> Call[Page[ApiKeyView]]:
    """Return the organisation's keys, newest first, at most 200, without their secrets."""
    return get("/v1/api-keys", Page[ApiKeyView])


def api_key_create(
    name: str,
    scopes: Sequence[Scope],
    *,
    expires_at: str | None = None,
    allowed_networks: Sequence[str] = (),
    order_limit: int | None = None,
    order_window_s: int = 1,
) -> Call[IssuedApiKey]:
    """Make a key that can do no more than the one in use, and return it with its secret.

    It is not repeated after a lost connection: a repetition would make another key.
    """
    wanted = NewApiKey(
        name=name,
        scopes=list(scopes),
        expires_at=expires_at,
        allowed_networks=list(allowed_networks),
        order_limit=order_limit,
        order_window_s=order_window_s,
    )
    return Call(method="POST", path="/v1/api-keys", shape=IssuedApiKey, body=msgspec.json.encode(wanted))


def api_key_revoke(key_id: str) -> Call[ApiKeyView]:
    """End a key for good, everywhere within a second."""
    return write("DELETE", f"/v1/api-keys/{segment(key_id)}", ApiKeyView, idempotency_key=None)
