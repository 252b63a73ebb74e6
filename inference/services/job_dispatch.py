"""A queued job takes its next step: a lease where compute is reserved, else a reservation, else its end."""

import uuid
from datetime import datetime

from django.db import transaction

from core.errors import Code, CuxError
from core.hints import hint_on_commit
from exchange.models import Cover
from inference.locks import job_try_lock, provider_lock, provider_try_lock
from inference.models import Job, Lease, Provider, ProviderModel
from inference.routing import Circuit
from inference.selectors.candidates import breaker, is_ready
from inference.selectors.uptime import is_past
from inference.services.job_refund import job_refund
from inference.services.lease_grant import leases_grant
from inference.services.reservation import reservation_parts, reservation_place, reservation_release


@transaction.atomic
def job_dispatch(*, job_id: uuid.UUID, now: datetime) -> Lease | None:
    """This function will have the free slots of a queued job's provider granted, in turn; return its lease.

    Idempotent, and None where none was granted to this job: it is somebody else's turn, or no slot is free.
    A job that lost its provider and is being covered has nothing reserved: it waits for the cover, and
    then reserves what was bought. One that may not draw yet (DRAW_LIMIT) waits as well. One that waits for a
    provider which cannot serve any more goes to another that owes enough, if there is one. It is refunded
    past its deadline, or if no single provider owes enough for it: the cover brought nothing, or bought the
    compute from several, which the buyer keeps.
    """
    job = job_try_lock(job_id)
    if job is None or job.state != Job.State.QUEUED:
        return None
    if is_past(job.deadline, now=now):
        job_refund(job=job, failure=Code.JOB_TIMED_OUT, now=now)
        return None
    if job.provider_id is None:
        _settle_in(job, now)
    else:
        _stay_or_go(job, job.provider_id, now)
    if job.ended_at is not None or job.provider_id is None:
        return None
    granted = leases_grant(provider=provider_lock(job.provider_id), model=job.model_id, now=now)
    return next((lease for lease in granted if lease.job_id == job.id), None)


def dispatch_at_once(*, job: Job, now: datetime) -> bool:
    """Grant the job just made a lease in the transaction that makes it; False if it has to wait.

    It saves the way through the broker and a commit. Where somebody else is at the provider's row, or it is
    another job's turn, nobody waits: the worker dispatches it, as it does every job that is queued.
    """
    provider = provider_try_lock(job.provider_id) if job.provider_id else None
    granted = leases_grant(provider=provider, model=job.model_id, now=now) if provider else []
    for lease in granted:
        if lease.job_id == job.id:
            job.state, job.epoch = Job.State.LEASED, lease.epoch
            return True
    return False


def _settle_in(job: Job, now: datetime) -> None:
    """Reserve for a job that has nothing reserved, or end it if nobody owes it enough."""
    if Cover.objects.filter(job_id=job.id).exclude(state__in=Cover.DONE).exists():
        return
    try:
        reservation_place(job=job, now=now)
    except CuxError as refusal:
        if refusal.code is not Code.DRAW_LIMIT:
            known = refusal.code is Code.BUDGET_EXCEEDED
            job_refund(job=job, failure=refusal.code if known else Code.JOB_FAILED, now=now)


def _stay_or_go(job: Job, provider_id: uuid.UUID, now: datetime) -> None:
    """Have a job whose provider is gone go to another, where there is one; it waits where it is else."""
    served = ProviderModel.objects.select_related("provider").get(
        provider_id=provider_id, model_id=job.model_id
    )
    if is_ready(served, now=now) and breaker(served.provider, now=now).circuit is not Circuit.OPEN:
        return
    before = reservation_parts(job)
    try:
        reservation_place(job=job, now=now, excluded=frozenset({served.provider.organisation_id}))
    except CuxError:
        return
    reservation_release(parts=before, now=now)


def dispatch_next(*, provider: Provider, model: str) -> None:
    """Hint that a slot of the provider is free, if a job waits for one."""
    waiting = Job.objects.filter(provider=provider, model_id=model, state=Job.State.QUEUED)
    job_id = waiting.order_by("background", "turn_start", "turn_finish").values_list("id", flat=True).first()
    if job_id is not None:
        hint_on_commit(task="inference.job_dispatch", queue="jobs", job_id=str(job_id))
