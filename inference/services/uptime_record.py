"""Signs of life become intervals: one row as long as they keep coming, a new one after a gap."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from inference.models import Uptime
from inference.selectors.uptime import PLATFORM_GAP
from inference.services.deadlines_extend import deadlines_extend


@transaction.atomic
def platform_uptime_record(*, now: datetime) -> None:
    """This function will record that the exchange was reachable at `now`.

    The first sign after an outage gives everybody the time back who ran out of it meanwhile. Of two such
    signs at once one is the first: the id of an interval follows from the one before it.
    """
    latest = _latest(Q(provider__isnull=True), now)
    if latest is None or now - latest.ended_at <= PLATFORM_GAP:
        uptime_extend(provider_id=None, gap=PLATFORM_GAP, now=now)
        return
    _, is_first = Uptime.objects.get_or_create(
        id=uuid.uuid5(latest.id, "next"), defaults={"started_at": now, "ended_at": now}
    )
    if is_first:
        deadlines_extend(away_since=latest.ended_at, now=now)


def uptime_extend(*, provider_id: uuid.UUID | None, gap: timedelta, now: datetime) -> None:
    """Extend the latest interval to `now`, or begin one if the last sign is longer ago than `gap`.

    Inside a transaction. Two signs at once are harmless: intervals may touch or overlap.
    """
    whose = Q(provider__isnull=True) if provider_id is None else Q(provider_id=provider_id)
    latest = _latest(whose, now)
    if latest is not None and now - latest.ended_at <= gap:
        Uptime.objects.filter(id=latest.id, ended_at__lt=now).update(ended_at=now)
    else:
        Uptime.objects.create(provider_id=provider_id, started_at=now, ended_at=now)


def _latest(whose: Q, now: datetime) -> Uptime | None:
    return Uptime.objects.filter(whose, started_at__lte=now).order_by("-ended_at").first()
