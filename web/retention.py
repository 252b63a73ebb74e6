"""How long the marketplace keeps what it counts (`core.retention`)."""

from datetime import timedelta
from typing import Final

from core.retention import Retention
from web.services.login_attempts import PERIOD

RETENTIONS: Final = (
    # Counting begins anew after a period anyway.
    Retention("web_loginattempts", PERIOD + timedelta(minutes=1), "true", key="digest", since="started_at"),
)
