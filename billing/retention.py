"""How long billing keeps what is neither money nor proof of it (`core.retention`)."""

from datetime import timedelta
from typing import Final

from core.retention import Retention

RETENTIONS: Final = (
    # Stripe delivers an event again for 3 days, and lists it for 30: what is still listed must be known here.
    Retention("billing_stripeevent", timedelta(days=35), "processed_at IS NOT NULL"),
)
