"""Windows of time in which money is counted: days and months, in UTC. Pure."""

from datetime import datetime, timedelta


def window_start(window: str, now: datetime) -> datetime:
    """Return when the `day` or `month` of this moment (UTC) began."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if window == "day" else day.replace(day=1)


def next_month(start: datetime) -> datetime:
    """Return the first moment of the month after the one that begins at `start`."""
    return (start + timedelta(days=31)).replace(day=1)
