"""Jobs and receipts as their owner sees them."""

import uuid
from typing import Final

import msgspec
from django.db.models import F, QuerySet

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.orders import JobAttempt, JobView
from inference.models import Job, Lease, Receipt

_OUTCOMES: Final = {
    Lease.State.DELIVERED: "finished",
    Lease.State.FAILED: "failed",
    Lease.State.EXPIRED: "expired",
}
_STATUS: Final = {Job.State.QUEUED: "queued", Job.State.COMPLETED: "settled", Job.State.REFUNDED: "refunded"}


def job_get(*, organisation_id: uuid.UUID, job_id: uuid.UUID) -> JobView:
    """Return one job of the organisation.

    Raises:
        CuxError: UNKNOWN_JOB.
    """
    job = _jobs(organisation_id).filter(id=job_id).first()
    if job is None:
        raise CuxError(Code.UNKNOWN_JOB)
    return msgspec.structs.replace(_view(job), routing=job.routing, route=job.route)


def job_list(
    *, organisation_id: uuid.UUID, limit: int = 50, before: uuid.UUID | None = None
) -> list[JobView]:
    """Return the organisation's jobs, newest first; `before` is the job with which the page before ended."""
    rows = _jobs(organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_view(job) for job in rows.order_by("-id")[:limit]]


def receipt_get(*, organisation_id: uuid.UUID, job_id: uuid.UUID) -> bytes:
    """Return the canonical bytes of a job's receipt.

    Raises:
        CuxError: UNKNOWN_JOB, or NOT_FOUND as long as the job has no receipt.
    """
    if not Job.objects.filter(id=job_id, organisation_id=organisation_id).exists():
        raise CuxError(Code.UNKNOWN_JOB)
    receipt = Receipt.objects.filter(job_id=job_id).first()
    if receipt is None:
        raise CuxError(Code.NOT_FOUND, "The job has no receipt.")
    return bytes(receipt.document)


def _jobs(organisation_id: uuid.UUID) -> QuerySet[Job]:
    return (
        Job.objects.filter(organisation_id=organisation_id)
        .select_related("model", "tranche")
        .annotate(receipt_hash=F("receipt__hash"))
        .prefetch_related("leases__shares")
        .defer("prompt")
    )


def _view(job: Job) -> JobView:
    settled = job.state == Job.State.COMPLETED
    return JobView(
        job_id=public_id("job", job.id),
        model=job.model_id,
        card_hash=job.model.card_hash,
        status=_STATUS.get(Job.State(job.state), "running"),  # type: ignore[arg-type]
        quote_ucu=job.quote_ucu,
        compute_ucu=job.compute_ucu if settled else None,
        charged_nano_usd=job.charged_nano_usd if settled else None,
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        output_tokens=job.output_tokens,
        finish_reason=job.finish_reason or None,
        created_at=rfc3339(job.created_at),
        settled_at=rfc3339(job.ended_at) if settled and job.ended_at else None,
        receipt_hash=getattr(job, "receipt_hash", None),
        paid_by="public_access" if job.is_public_access else "organisation",
        adaptive_id=_adaptive_id(job),
        attempts=_attempts(job, settled=settled),
    )


def _adaptive_id(job: Job) -> str | None:
    tranche = getattr(job, "tranche", None)
    return public_id("adaptive", tranche.request_id) if tranche else None


def _attempts(job: Job, *, settled: bool) -> list[JobAttempt]:
    """Return the job's leases, oldest first; who ended the answer is paid what the shares left."""
    leases = sorted(job.leases.all(), key=lambda lease: lease.epoch)
    paid = {lease.id: sum(share.amount_ucu for share in lease.shares.all()) for lease in leases}
    if settled:
        paid[leases[-1].id] = job.compute_ucu - sum(paid.values())
    return [
        JobAttempt(
            provider_id=public_id("provider", lease.provider_id),
            epoch=lease.epoch,
            outcome=_OUTCOMES.get(Lease.State(lease.state), "running"),  # type: ignore[arg-type]
            reason=lease.outcome,
            output_tokens=lease.output_tokens,
            compute_ucu=paid[lease.id] if settled else None,
        )
        for lease in leases
    ]
