"""Prompts, and answers as they were counted, while they are kept."""

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from core.data_keys import unseal_token_ids
from inference.likelihoods import row_width
from inference.models import Checkpoint, Job, Lease


def prompt_ids(job: Job) -> list[int]:
    """Return the token ids of the job's prompt; none if it was deleted."""
    if job.prompt is None:
        return []
    return unseal_token_ids(
        organisation_id=job.organisation_id, context=f"prompt:{job.id}", sealed=bytes(job.prompt)
    )


def answer_ids(job: Job, lease: Lease) -> list[int]:
    """Return the token ids of the lease's checkpoint; none if there is none or it was deleted."""
    checkpoint = Checkpoint.objects.filter(lease=lease, token_ids__isnull=False).first()
    if checkpoint is None or checkpoint.token_ids is None:
        return []
    return unseal_token_ids(
        organisation_id=job.organisation_id, context=f"answer:{lease.id}", sealed=bytes(checkpoint.token_ids)
    )


def answer_rows(job: Job, lease: Lease) -> list[int]:
    """Return the rows of the lease's tokens (`inference.likelihoods`); none if not asked for, or erased."""
    if not row_width(job.sampling):
        return []
    checkpoint = Checkpoint.objects.filter(lease=lease, likelihoods__isnull=False).first()
    if checkpoint is None or checkpoint.likelihoods is None:
        return []
    return unseal_token_ids(
        organisation_id=job.organisation_id,
        context=f"likelihoods:{lease.id}",
        sealed=bytes(checkpoint.likelihoods),
    )


def prefix_ids(job: Job, lease: Lease) -> list[int]:
    """Return the token ids that earlier leases of the job delivered, which this one continues."""
    earlier = _earlier(lease).order_by("epoch") if lease.epoch > 1 else ()
    return [token for each in earlier for token in answer_ids(job, each)]


def prefix_rows(job: Job, lease: Lease) -> list[int]:
    """Return the likelihoods of those tokens, where the job asks for them."""
    if lease.epoch == 1 or not row_width(job.sampling):
        return []
    return [number for each in _earlier(lease).order_by("epoch") for number in answer_rows(job, each)]


def prefix_tokens(lease: Lease) -> int:
    """Return how many those are, whether or not they are kept still."""
    if lease.epoch == 1:
        return 0
    delivered: int = _earlier(lease).aggregate(sum=Coalesce(Sum("output_tokens"), 0))["sum"]
    return delivered


def _earlier(lease: Lease) -> QuerySet[Lease]:
    return Lease.objects.filter(job_id=lease.job_id, epoch__lt=lease.epoch, output_tokens__gt=0)
