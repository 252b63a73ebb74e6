"""What `manage.py check --deploy` asks beyond Django's own."""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def stripe_is_meant(**_: Any) -> Sequence[CheckMessage]:
    """Refuse a live market on which test cards pay, unless somebody has said so."""
    if settings.MARKET_MODE != "live" or settings.STRIPE_API_KEY or os.environ.get("CUX_STRIPE_DOUBLE_URL"):
        return []
    return [
        Error(
            "Without STRIPE_API_KEY the double of Stripe is asked: its test cards pay on a live market.",
            hint="Set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRETS; CUX_STRIPE_DOUBLE_URL if it is meant.",
            id="cux.E001",
        )
    ]
