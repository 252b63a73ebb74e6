"""Recurring instants: the multiples of a period since 1970 (UTC), each plus an offset. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def last_instant(*, every_s: int, offset_s: int, now: datetime) -> datetime:
    """Return the latest instant that is not after now."""
    period, offset = timedelta(seconds=every_s), timedelta(seconds=offset_s)
    return _EPOCH + offset + (now - _EPOCH - offset) // period * period
