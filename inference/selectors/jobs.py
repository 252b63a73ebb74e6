"""Jobs and receipts as their owner sees them."""

import uuid
from typing import Final

from django.db.models import F, QuerySet

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.orders import JobView
from inference.models import Job, Receipt

_STATUS: Final = {Job.State.QUEUED: "queued", Job.State.COMPLETED: "settled", Job.State.REFUNDED: "refunded"}


def job_get(*, organisation_id: uuid.UUID, job_id: uuid.UUID) -> JobView:
    """Return one job of the organisation.

    Raises:
        CuxError: UNKNOWN_JOB.
    """
    job = _jobs(organisation_id).filter(id=job_id).first()
    if job is None:
        raise CuxError(Code.UNKNOWN_JOB)
    return _view(job)


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
        .select_related("model")
        .annotate(receipt_hash=F("receipt__hash"))
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
    )
