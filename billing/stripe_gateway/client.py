"""The SDK's client: our key, the pinned version, our time-outs."""

import os
from functools import lru_cache
from typing import Any, Final

import stripe
from django.conf import settings

API_VERSION: Final = "2026-10-28.endive"
"""What the SDK that we use speaks; webhook endpoints must be made with the same."""
_TIMEOUTS_S: Final = (3.05, 20.0)
"""To connect, and to wait for an answer: banks take their time to authorise."""
_KEY_OF_THE_DOUBLE: Final = "sk_test_double"


def is_live() -> bool:
    """Tell whether our key moves real money; events of the other mode are not for us."""
    return "_live_" in settings.STRIPE_API_KEY


def v1() -> Any:
    """Return Stripe's services, of a connection that this process made itself."""
    return _client(os.getpid(), settings.STRIPE_API_KEY, settings.STRIPE_API_BASE).v1


@lru_cache(maxsize=4)
def _client(pid: int, api_key: str, api_base: str) -> stripe.StripeClient:
    # The process is part of the key: a forked worker must not speak on its parent's connection.
    return stripe.StripeClient(
        api_key or _KEY_OF_THE_DOUBLE,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=_TIMEOUTS_S),
    )


def options(key: str | None = None, *, account: str | None = None) -> dict[str, str]:
    """Return the options of one call: its idempotency key, and the connected account it is made for."""
    found = {"idempotency_key": key, "stripe_account": account}
    return {name: value for name, value in found.items() if value is not None}
