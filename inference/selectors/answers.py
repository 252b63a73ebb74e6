"""Answers as they were counted, while they are kept."""

from core.sealing import unseal_token_ids
from inference.models import Checkpoint, Job, Lease


def answer_ids(job: Job, lease: Lease) -> list[int]:
    """Return the token ids of the lease's checkpoint; none if there is none or it was deleted."""
    checkpoint = Checkpoint.objects.filter(lease=lease, token_ids__isnull=False).first()
    if checkpoint is None or checkpoint.token_ids is None:
        return []
    return unseal_token_ids(
        organisation_id=job.organisation_id, context=f"answer:{lease.id}", sealed=bytes(checkpoint.token_ids)
    )
