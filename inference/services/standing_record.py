"""What became of a lease is counted as it happens: for reliability, latency and the circuit breaker."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import F

from inference.models import Lease, Provider
from inference.routing.latency import BUCKETS, bucket_of
from inference.selectors.uptime import platform_up_since

NO_FAULT: Final = frozenset({"draining", "invalid_request"})
"""Outcomes that say nothing of a provider: it leaves in good order, or the request could not be served.

They are its own words, so they are believed of a lease that showed nothing yet.
"""

_ADD: Final = """
    INSERT INTO inference_serviceday AS day
        (id, provider_id, model_id, day, delivered, failed, first_token_counts)
    VALUES (gen_random_uuid(), %(provider)s, %(model)s, %(day)s, %(delivered)s, %(failed)s, %(counts)s)
    ON CONFLICT (provider_id, model_id, day) DO UPDATE SET
        delivered = day.delivered + excluded.delivered,
        failed = day.failed + excluded.failed
"""
_ADD_TIMED: Final = _ADD + ", first_token_counts[%(place)s] = day.first_token_counts[%(place)s] + 1"


def delivery_record(*, lease: Lease, model: str, now: datetime) -> None:
    """This function will count a delivered lease, with its time to the first token, and close the circuit.

    The last thing in the caller's transaction: the rows it takes belong to all jobs of the provider.
    """
    begun = lease.first_token_at or now
    bucket = bucket_of((begun - lease.granted_at) // timedelta(milliseconds=1))
    _add(lease, model, now, bucket=bucket)
    Provider.objects.filter(id=lease.provider_id, faults__gt=0).update(
        faults=0, last_fault_at=None, canary=None
    )


def fault_record(*, lease: Lease, model: str, now: datetime) -> None:
    """This function will count a lease that ended without a result, if that is the provider's fault.

    It is not if the caller has left, if the provider is draining, or if the exchange itself was away since
    the lease was granted. The last thing in the caller's transaction, as `delivery_record`.
    """
    if lease.job.caller_has_left or _is_excused(lease) or _was_away(lease, now):
        return
    _add(lease, model, now, bucket=None)
    Provider.objects.filter(id=lease.provider_id).update(faults=F("faults") + 1, last_fault_at=now)


def _is_excused(lease: Lease) -> bool:
    """Tell whether the provider gave the lease up for a reason that holds: within an answer, only if it had
    said before that it is draining."""
    if lease.output_tokens:
        return lease.outcome == "draining" and lease.provider.draining
    return lease.outcome in NO_FAULT


def _was_away(lease: Lease, now: datetime) -> bool:
    """Tell whether there was an outage of the exchange while the lease was live."""
    up_since = platform_up_since(now)
    return up_since is None or up_since > lease.granted_at


def _add(lease: Lease, model: str, now: datetime, *, bucket: int | None) -> None:
    counts = [int(each == bucket) for each in range(BUCKETS)]
    values: dict[str, Any] = {
        "provider": lease.provider_id,
        "model": model,
        "day": now.date(),
        "delivered": int(bucket is not None),
        "failed": int(bucket is None),
        "counts": counts,
        "place": (bucket or 0) + 1,  # PostgreSQL counts from 1
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD if bucket is None else _ADD_TIMED, values)
