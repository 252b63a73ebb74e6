"""Who has a second factor."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from accounts.models import Member, SecondFactor


@dataclass(frozen=True, slots=True)
class SecondFactorView:
    """A person's factor that is in use: since when, and how many recovery codes are left."""

    since: datetime
    recovery_left: int


def second_factor_of(user: User) -> SecondFactorView | None:
    """Return the factor that a person has in use, or None."""
    row = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    if row is None or row.confirmed_at is None:
        return None
    return SecondFactorView(row.confirmed_at, len(row.recovery_sha256))


def has_second_factor(organisation_id: uuid.UUID) -> bool:
    """Tell whether an owner of the organisation has one in use: `require_fresh` then takes their codes."""
    owners = Member.objects.filter(organisation_id=organisation_id, role=Member.Role.OWNER)
    return SecondFactor.objects.filter(user__in=owners.values("user"), confirmed_at__isnull=False).exists()
