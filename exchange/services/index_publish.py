"""Publish the CU price index of the minute that has just ended, once."""

from datetime import datetime, timedelta
from typing import Final

from exchange.models import IndexPrice
from exchange.selectors.index import index_compute

SETTLING: Final = timedelta(seconds=5)
"""A trade of the last moment may still be on its way to its commit."""


def index_publish(*, now: datetime) -> int:
    """Publish the values at the last whole minute that ended five seconds ago or more; return how many.

    Any number of times: what is published stays. A minute in which nobody could publish has no value.
    """
    at = (now - SETTLING).replace(second=0, microsecond=0)
    if IndexPrice.objects.filter(at=at).exists():
        return 0
    rows = [
        IndexPrice(
            code=code,
            at=at,
            nano_usd_per_cu=value.nano_usd_per_cu,
            method=value.method,
            trades=value.trades,
            dropped=value.dropped,
            volume_ucu=value.volume_ucu,
        )
        for code, value in index_compute(at=at).items()
    ]
    IndexPrice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
