"""Which bans are in force."""

import uuid

from accounts.models import Ban
from core.errors import Code, CuxError


def bans_in_force(organisation_id: uuid.UUID) -> set[str]:
    """Return from what the organisation is banned (`Ban.Reach`)."""
    bans = Ban.objects.filter(organisation_id=organisation_id, lifted_at=None)
    return set(bans.values_list("reach", flat=True))


def refuse_banned(organisation_id: uuid.UUID) -> None:
    """Refuse what nobody banned may do. Raises CuxError ORGANISATION_BANNED."""
    if Ban.Reach.EVERYTHING in bans_in_force(organisation_id):
        raise CuxError(Code.ORGANISATION_BANNED)


def ban_list(*, limit: int = 200) -> list[Ban]:
    """Return the latest bans, those lifted too, newest first."""
    return list(Ban.objects.order_by("-id")[:limit])
