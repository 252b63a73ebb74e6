"""What the page of API keys shows."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from accounts.models import ApiKey
from accounts.selectors import api_key_list
from core.ids import public_id


@dataclass(frozen=True, slots=True)
class KeysPage:
    """Keys as (public id, row), newest first: those that work, and those that ended."""

    live: list[tuple[str, ApiKey]]
    ended: list[tuple[str, ApiKey]]


def keys_page(*, organisation_id: uuid.UUID, now: datetime) -> KeysPage:
    """Return the organisation's newest keys."""
    rows = [(public_id("key", row.id), row) for row in api_key_list(organisation_id=organisation_id)]
    live = {key_id for key_id, row in rows if not _has_ended(row, now)}
    return KeysPage(
        live=[each for each in rows if each[0] in live], ended=[each for each in rows if each[0] not in live]
    )


def _has_ended(row: ApiKey, now: datetime) -> bool:
    return row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)
