"""Webhooks: signed, delivered until they are taken, for three days."""

import hashlib
import hmac
import json
import time
from typing import Any

import httpx

from stripe_double import chaos
from stripe_double.world import Json, World

# Stripe's waits between attempts, then every 12 hours until three days have passed.
_WAITS_S = (300, 1_800, 7_200, 18_000, 36_000)
_LAST_WAIT_S, _GIVE_UP_S = 43_200, 259_200
_TIMEOUT_S = 10.0
_LOG_LENGTH = 10_000


def signature(payload: bytes, secrets: list[str], second: int) -> str:
    """Return the `Stripe-Signature` header: time, and one v1 signature for each secret."""
    signed = f"{second}.".encode() + payload
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={second}", *(f"v1={mark}" for mark in marks)])


def add_endpoint(
    world: World,
    url: str,
    secrets: list[str],
    *,
    connect: bool | None = None,
    enabled_events: list[str] | None = None,
) -> Json:
    """Have events sent to `url`; `connect` true or false: only connected accounts' events, or only ours."""
    endpoint: Json = {
        "id": world.new_id("we"),
        "url": url,
        "secrets": secrets,
        "connect": connect,
        "enabled_events": enabled_events or ["*"],
    }
    world.endpoints.append(endpoint)
    return endpoint


async def deliver(client: httpx.AsyncClient, world: World, event: str, endpoint: str, attempt: int) -> None:
    """Try to deliver an event once; plan another attempt if it is not taken."""
    target = next((item for item in world.endpoints if item["id"] == endpoint), None)
    if target is None:
        return
    item = world.objects[event]
    lost = attempt == 0 and chaos.dropped(world)
    status = 0 if lost else await _post(client, target, item)
    if event not in world.objects:
        return  # the world was reset meanwhile
    world.deliveries.append(
        {"event": event, "type": item["type"], "endpoint": endpoint, "attempt": attempt, "status": status}
    )
    del world.deliveries[:-_LOG_LENGTH]
    if 200 <= status < 300:
        item["pending_webhooks"] = max(0, item["pending_webhooks"] - 1)
        return
    wait_s = _WAITS_S[attempt] if attempt < len(_WAITS_S) else _LAST_WAIT_S
    if world.now() + wait_s - item["created"] <= _GIVE_UP_S:
        world.after(wait_s, "deliver", event=event, endpoint=endpoint, attempt=attempt + 1)


async def _post(client: httpx.AsyncClient, endpoint: Json, event: Json) -> int:
    """Return the status of the answer; 0: there was none.

    Signed with the time of day, which is the receiver's, whatever the double's clock says.
    """
    payload = json.dumps(event).encode()
    headers: dict[str, Any] = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        # As the proxy in front of a web process in production says of what came by TLS.
        "X-Forwarded-Proto": "https",
        "Stripe-Signature": signature(payload, endpoint["secrets"], int(time.time())),
    }
    try:
        answer = await client.post(endpoint["url"], content=payload, headers=headers, timeout=_TIMEOUT_S)
    except httpx.HTTPError:
        return 0
    return answer.status_code
