"""Who was up, and when: the measured availability that take-or-pay is paid by."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from core.money import PPM
from inference.models import Uptime

PLATFORM_GAP: Final = timedelta(seconds=10)
"""Signs of the exchange's own life further apart than this have an outage between them."""

Span = tuple[datetime, datetime]


def provider_gap() -> timedelta:
    """Return how far apart heartbeats may be for the provider to count as up between them."""
    return timedelta(seconds=settings.PROVIDER_DARK_S)


def platform_up_since(now: datetime) -> datetime | None:
    """Return since when the exchange has been reachable without a gap; None in an outage of ours.

    An installation that never recorded itself counts as up for ever.
    """
    latest = Uptime.objects.filter(provider__isnull=True, started_at__lte=now).order_by("-ended_at").first()
    if latest is None:
        return datetime.min.replace(tzinfo=now.tzinfo)
    return latest.started_at if now - latest.ended_at <= PLATFORM_GAP else None


def is_heard(heard: datetime, *, now: datetime) -> bool:
    """Tell whether a provider's last sign of life is recent enough to send it work.

    Right after an outage of ours one counts that was recent as the outage began: nobody could be heard in it.
    """
    if now - heard < provider_gap():
        return True
    up_since = platform_up_since(now)
    if up_since is None or now - up_since >= provider_gap():
        return False
    ours = Uptime.objects.filter(provider__isnull=True, ended_at__lt=up_since).order_by("-ended_at").first()
    return ours is not None and ours.ended_at - heard < provider_gap()


def is_past(deadline: datetime, *, now: datetime) -> bool:
    """Tell whether a deadline has passed. In an outage of ours none does: at its end they are put off."""
    return deadline <= now and platform_up_since(now) is not None


def availability_ppm(*, provider_id: uuid.UUID, start: datetime, end: datetime) -> int:
    """Return ⌊10^6 · (time up or in an outage of ours) ÷ window⌋, exact to the microsecond.

    A provider is up between heartbeats that offer a model (`heartbeat_record`).
    ARCHITECTURE, "Expiry". An outage of ours reaches from the exchange's last sign of life to its next,
    a heartbeat's period earlier (the one that could not be sent any more) and the dark time later (an
    agent comes back after a pause), so that no outage of ours is paid for by a provider.
    """
    up = _spans(Q(provider_id=provider_id), start, end)
    before, after = timedelta(seconds=settings.HEARTBEAT_S), provider_gap()
    widest = (start - before - after, end + before + after)
    outages = [(a - before, b + after) for a, b in _gaps(_spans(Q(provider__isnull=True), *widest), *widest)]
    return _share_ppm([*up, *outages], start, end)


def outage_ppm(*, provider_id: uuid.UUID, start: datetime, end: datetime) -> int:
    """Return how much of that availability is owed to outages of ours alone, in ppm of the window.

    The provider is paid for it, and the house bears it. 0 for an installation that never recorded itself.
    """
    if not Uptime.objects.filter(provider__isnull=True).exists():
        return 0
    up = _share_ppm(_spans(Q(provider_id=provider_id), start, end), start, end)
    return availability_ppm(provider_id=provider_id, start=start, end=end) - up


def _share_ppm(spans: list[Span], start: datetime, end: datetime) -> int:
    window = _microseconds(end - start)
    if window <= 0:
        raise ValueError(f"Expected a window, was {start} to {end}")
    return PPM * _covered(spans, start, end) // window


def _spans(whose: Q, start: datetime, end: datetime) -> list[Span]:
    rows = Uptime.objects.filter(whose, started_at__lt=end, ended_at__gt=start)
    return sorted(rows.values_list("started_at", "ended_at"))


def _gaps(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """Return what the spans (sorted) leave open of start…end."""
    gaps: list[Span] = []
    reached = start
    for a, b in spans:
        if a > reached:
            gaps.append((reached, a))
        reached = max(reached, b)
    if reached < end:
        gaps.append((reached, end))
    return gaps


def _covered(spans: list[Span], start: datetime, end: datetime) -> int:
    """Return how many microseconds of start…end the spans cover together."""
    inside = sorted((max(a, start), min(b, end)) for a, b in spans if a < end and b > start)
    return _microseconds(end - start) - sum(_microseconds(b - a) for a, b in _gaps(inside, start, end))


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
