"""The reconciler of leases: what nobody claims, serves or finishes in time is taken back."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from core.reconcile import for_each
from inference.locks import job_try_lock
from inference.models import Checkpoint, Job, Lease
from inference.selectors.providers import is_dark
from inference.selectors.uptime import platform_up_since
from inference.services.job_cancel import job_stop
from inference.services.job_move import lease_end

_TIME_IS_UP: Final = "time_is_up"


def leases_expire(*, now: datetime) -> int:
    """This function will end every live lease that is unclaimed, on a dark provider or late; return how many.

    A stream whose job's time is up is told to stop, as if its caller had left: what came until then is an
    answer. It ends here only if its provider does not stop.

    Level-triggered: it looks at the rows as they are, each lease in a transaction of its own. Time in
    which the exchange itself was away counts against nobody: in an outage nothing ends.
    """
    up_since = platform_up_since(now)
    if up_since is None:
        return 0
    live = Lease.objects.filter(state__in=Lease.LIVE).order_by("granted_at").values_list("id", flat=True)
    return for_each(list(live), lambda lease_id: _expire(lease_id, up_since, now), name="leases")


@transaction.atomic
def _expire(lease_id: uuid.UUID, up_since: datetime, now: datetime) -> bool:
    lease = Lease.objects.select_related("provider", "job").get(id=lease_id)
    if _overdue(lease, up_since, now) is None:
        return False
    job = job_try_lock(lease.job_id)
    lease.refresh_from_db()
    reason = _overdue(lease, up_since, now)
    if job is None or reason is None:
        return False
    if reason == _TIME_IS_UP:
        job_stop(job=job, now=now)
        return False
    lease_end(lease=lease, job=job, state=Lease.State.EXPIRED, outcome=reason, now=now)
    return True


def _overdue(lease: Lease, up_since: datetime, now: datetime) -> str | None:
    """Return why the lease must end, or its job be stopped; None while it is fine."""
    if lease.state not in Lease.LIVE:
        return None
    # A stream that has begun may use the job's whole time.
    if not lease.output_tokens and now >= lease.deadline:
        return "late"
    if lease.job.canceled_at is None and now >= lease.job.deadline:
        return _TIME_IS_UP
    claim_by = max(lease.granted_at, up_since) + timedelta(seconds=settings.LEASE_CLAIM_S)
    if lease.state == Lease.State.GRANTED and now >= claim_by:
        return "unclaimed"
    if _should_have_stopped(lease.job, up_since, now):
        return "not_stopped"
    dark = is_dark(lease.provider, up_since=up_since, now=now) and not _delivers(lease, now)
    return "provider_dark" if dark else None


def _delivers(lease: Lease, now: datetime) -> bool:
    """Tell whether tokens have come of late: then it is only the heartbeats that do not get through."""
    since = now - timedelta(seconds=settings.PROVIDER_DARK_S)
    return Checkpoint.objects.filter(lease=lease, updated_at__gte=since).exists()


def _should_have_stopped(job: Job, up_since: datetime, now: datetime) -> bool:
    """Tell whether the provider has been told to stop for so long that it does not mean to.

    It was told with its first heartbeat after the cancel; who is silent for this long counts as dark.
    """
    if job.canceled_at is None:
        return False
    return now - max(job.canceled_at, up_since) > timedelta(seconds=settings.PROVIDER_DARK_S)
