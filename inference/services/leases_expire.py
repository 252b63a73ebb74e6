"""The reconciler of leases: what nobody claims, serves or finishes in time is taken back."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.reconcile import for_each
from inference.locks import job_try_lock
from inference.models import Job, Lease
from inference.selectors.providers import is_dark
from inference.selectors.uptime import platform_up_since
from inference.services.job_move import lease_end


def leases_expire(*, now: datetime) -> int:
    """This function will end every live lease that is unclaimed, on a dark provider or late; return how many.

    Level-triggered: it looks at the rows as they are, each lease in a transaction of its own. Time in
    which the exchange itself was away counts against nobody; in an outage only job deadlines are kept.
    """
    up_since = platform_up_since(now)
    live = Lease.objects.filter(state__in=Lease.LIVE).order_by("granted_at").values_list("id", flat=True)
    return for_each(list(live), lambda lease_id: _expire(lease_id, up_since, now), name="leases")


@transaction.atomic
def _expire(lease_id: uuid.UUID, up_since: datetime | None, now: datetime) -> bool:
    lease = Lease.objects.select_related("provider", "job").get(id=lease_id)
    if _overdue(lease, up_since, now) is None:
        return False
    job = job_try_lock(lease.job_id)
    lease.refresh_from_db()
    reason = _overdue(lease, up_since, now)
    if job is None or reason is None:
        return False
    lease_end(lease=lease, job=job, state=Lease.State.EXPIRED, outcome=reason, now=now)
    return True


def _overdue(lease: Lease, up_since: datetime | None, now: datetime) -> str | None:
    """Return why the lease must end; None while it is fine."""
    if lease.state not in Lease.LIVE:
        return None
    # A stream that has begun may use the job's whole time: nobody could take it over.
    if now >= (lease.job.deadline if lease.output_tokens else lease.deadline):
        return "late"
    if up_since is None:
        return None
    claim_by = max(lease.granted_at, up_since) + timedelta(seconds=settings.LEASE_CLAIM_S)
    if lease.state == Lease.State.GRANTED and now >= claim_by:
        return "unclaimed"
    if _should_have_stopped(lease.job, up_since, now):
        return "not_stopped"
    return "provider_dark" if is_dark(lease.provider, up_since=up_since, now=now) else None


def _should_have_stopped(job: Job, up_since: datetime, now: datetime) -> bool:
    """Tell whether the provider has been told to stop for so long that it does not mean to.

    It was told with its first heartbeat after the cancel; who is silent for this long counts as dark.
    """
    if job.canceled_at is None:
        return False
    return now - max(job.canceled_at, up_since) > timedelta(seconds=settings.PROVIDER_DARK_S)
