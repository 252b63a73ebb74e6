"""A job whose provider did not deliver goes to another one, is covered, or ends unpaid."""

from datetime import datetime
from typing import Final

from core.errors import Code, CuxError
from core.notify import CONTROL, JOB, notify
from exchange.services.cover_start import cover_start
from inference.models import Job, Lease
from inference.selectors.answers import prefix_tokens
from inference.selectors.uptime import is_past
from inference.services.job_create import dispatch_later
from inference.services.job_refund import job_refund
from inference.services.reservation import (
    reservation_close,
    reservation_parts,
    reservation_place,
    reservation_release,
)
from inference.services.share_keep import answer_keep
from inference.services.standing_record import fault_record

_DISTRUSTED: Final = frozenset(
    {
        "answer_changed",
        "line_too_long",
        "malformed_line",
        "signature_invalid",
        "too_many_tokens",
        "unknown_token",
        "went_on_after_stop",
    }
)
"""What a provider does wrong, rather than fails at: nobody pays for such an answer, or continues it."""


def lease_end(*, lease: Lease, job: Job, state: Lease.State, outcome: str, now: datetime) -> None:
    """This function will end a live lease without a result and let its job go on.

    `job` is the lease's, locked by the caller. The job moves to another provider on which the buyer has an
    entitlement, or else waits for cover. If tokens were delivered, the next provider continues after them; a
    job that cannot be continued is refunded in full then, and so is one whose caller has left, or all of
    whose tokens came, but no signature over them.
    """
    lease.state = state
    lease.outcome = outcome
    lease.ended_at = now
    lease.save(update_fields=["state", "outcome", "ended_at"])
    if state == Lease.State.EXPIRED:
        notify(CONTROL, str(lease.provider_id))
    if job.caller_has_left:
        job_refund(job=job, failure=Code.JOB_CANCELED, now=now)
    elif is_past(job.deadline, now=now):
        job_refund(job=job, failure=Code.JOB_TIMED_OUT, now=now)
    elif not lease.output_tokens:
        _move(job, now)
    elif outcome in _DISTRUSTED or not _can_go_on(job, lease):
        job_refund(job=job, failure=Code.JOB_FAILED, now=now)
    else:
        answer_keep(job=job, lease=lease)
        _move(job, now)
    fault_record(lease=lease, model=job.model_id, now=now)


def _can_go_on(job: Job, lease: Lease) -> bool:
    """Tell whether another provider can continue the answer: all of it may have come already."""
    left = job.max_tokens - prefix_tokens(lease) - lease.output_tokens
    return left > 0 and bool(job.sampling.get("resumable", True))


def _move(job: Job, now: datetime) -> None:
    undelivered = reservation_parts(job)
    job.provider = None
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
    job.save(update_fields=["state", "provider"])
    notify(JOB, str(job.id))
