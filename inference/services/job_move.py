"""A job whose provider did not deliver goes to another one, is covered, or ends unpaid."""

from datetime import datetime

from core.errors import Code, CuxError
from core.notify import JOB, notify
from exchange.services.cover_start import cover_start
from inference.models import Job, Lease
from inference.services.job_create import dispatch_later
from inference.services.job_refund import job_refund
from inference.services.reservation import (
    reservation_close,
    reservation_parts,
    reservation_place,
    reservation_release,
)


def lease_end(*, lease: Lease, job: Job, state: Lease.State, outcome: str, now: datetime) -> None:
    """This function will end a live lease without a result and let its job go on.

    `job` is the lease's, locked by the caller. Before the first token the job moves to another provider
    on which the buyer has an entitlement, or else waits for cover. After it the caller has seen a part of
    an answer that nobody can continue, so the job is refunded in full; so is one whose caller has left.
    """
    lease.state = state
    lease.outcome = outcome
    lease.ended_at = now
    lease.save(update_fields=["state", "outcome", "ended_at"])
    if job.canceled_at is not None:
        job_refund(job=job, failure=Code.JOB_CANCELED, now=now)
    elif lease.output_tokens:
        job_refund(job=job, failure=Code.JOB_FAILED, now=now)
    else:
        _move(job, now)


def _move(job: Job, now: datetime) -> None:
    if job.deadline <= now:
        job_refund(job=job, failure=Code.JOB_TIMED_OUT, now=now)
        return
    undelivered = reservation_parts(job)
    try:
        reservation_place(job=job, now=now)
    except CuxError as refusal:
        if refusal.code is Code.BUDGET_EXCEEDED:
            job_refund(job=job, failure=Code.BUDGET_EXCEEDED, now=now)
            return
        if refusal.code is Code.DRAW_LIMIT:
            # Another provider owes enough and is only at its limit: the job waits until it may draw there.
            reservation_release(parts=undelivered, now=now)
        else:
            # Nothing else to draw on: what the provider owed is cancelled, and bought elsewhere.
            cover_start(job_id=job.id, parts=undelivered, now=now)
            reservation_close(undelivered)
    else:
        reservation_release(parts=undelivered, now=now)
        dispatch_later(job)
    job.state = Job.State.QUEUED
    job.save(update_fields=["state"])
    notify(JOB, str(job.id))
