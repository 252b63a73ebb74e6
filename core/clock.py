"""The clock at the edges. Cores and services take `now` as an argument and never read it here."""

from datetime import UTC, datetime
from functools import lru_cache


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC)


@lru_cache(maxsize=1_024)  # a batch of orders has one moment
def rfc3339(moment: datetime) -> str:
    """Render a moment as RFC 3339 in UTC with microseconds: `2026-11-23T08:00:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """Render a moment that may not have come yet; None stays None."""
    return rfc3339(moment) if moment is not None else None
