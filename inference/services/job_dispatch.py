"""A queued job takes its next step: a lease where compute is reserved, else a reservation, else its end."""

import uuid
from datetime import datetime

from django.db import transaction

from core.errors import Code, CuxError
from core.hints import hint_on_commit
from exchange.models import Cover
from inference.locks import job_try_lock
from inference.models import Job, Lease, Provider
from inference.services.job_refund import job_refund
from inference.services.lease_grant import lease_grant
from inference.services.reservation import reservation_place


@transaction.atomic
def job_dispatch(*, job_id: uuid.UUID, now: datetime) -> Lease | None:
    """This function will grant a lease on a queued job; idempotent, and None where there is none to grant.

    A job that lost its provider and is being covered has nothing reserved: it waits for the cover, and
    then reserves what was bought. One that may not draw yet (DRAW_LIMIT) waits as well, and so does one whose
    provider has no slot free. It is refunded past its deadline, or if no single provider owes enough for
    it: the cover brought nothing, or bought the compute from several, which the buyer keeps.
    """
    job = job_try_lock(job_id)
    if job is None or job.state != Job.State.QUEUED:
        return None
    if job.deadline <= now:
        job_refund(job=job, failure=Code.JOB_TIMED_OUT, now=now)
        return None
    if not job.reservations.filter(active=True).exists():
        if _is_being_covered(job):
            return None
        try:
            reservation_place(job=job, now=now)
        except CuxError as refusal:
            if refusal.code is not Code.DRAW_LIMIT:
                known = refusal.code is Code.BUDGET_EXCEEDED
                job_refund(job=job, failure=refusal.code if known else Code.JOB_FAILED, now=now)
            return None
    return lease_grant(job=job, now=now)


def _is_being_covered(job: Job) -> bool:
    return Cover.objects.filter(job_id=job.id).exclude(state__in=Cover.DONE).exists()


def dispatch_next(*, provider: Provider) -> None:
    """Hint that a slot of the provider is free at the job that has waited longest for one, if any does."""
    waiting = Job.objects.filter(
        ended_at__isnull=True,
        state=Job.State.QUEUED,
        reservations__active=True,
        reservations__entitlement__provider_id=provider.organisation_id,
    )
    job_id = waiting.order_by("created_at").values_list("id", flat=True).first()
    if job_id is not None:
        hint_on_commit(task="inference.job_dispatch", queue="jobs", job_id=str(job_id))
