"""The exchange commits itself to its audits a day before, and shows afterwards that it kept to them."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from inference.models import AuditDay
from inference.verification.lottery import commitment

_SECRET_BYTES: Final = 32


def audit_days_commit(*, now: datetime) -> None:
    """This function will publish the commitments of today and tomorrow (UTC) unless they stand already.

    Level-triggered. A day that began before its commitment is drawn only from that moment on.
    """
    today = now.astimezone(UTC).date()
    days = [today, today + timedelta(days=1)]
    known = set(AuditDay.objects.filter(day__in=days).values_list("day", flat=True))
    made = []
    for day in days:
        if day not in known:
            secret = secrets.token_bytes(_SECRET_BYTES)
            made.append(AuditDay(day=day, secret=secret, commitment=commitment(secret), published_at=now))
    AuditDay.objects.bulk_create(made, ignore_conflicts=True)
