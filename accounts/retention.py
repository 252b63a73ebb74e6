"""How long what accounts keep besides is kept (`core.retention`)."""

from datetime import timedelta
from typing import Final

from core.retention import Retention

RETENTIONS: Final = (
    # Taken or given up: no attempt is due. docs/webhooks.md promises 30 days.
    Retention("accounts_webhookdelivery", timedelta(days=30), "next_at IS NULL"),
    # Django's sessions, once nobody can come back to them.
    Retention("django_session", timedelta(0), "true", key="session_key", since="expire_date"),
)
