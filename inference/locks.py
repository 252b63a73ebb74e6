"""Which rows are locked, in which order: batch or adaptive request, job and what hangs on it, then provider.

A job's row is the lock of its leases, checkpoints and reservations: whoever changes those holds it. The
provider's row is locked to append to its receipt chain or to count its leases, after everything else.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from inference.models import AdaptiveRequest, Batch, Job, Provider


def job_lock(job_id: uuid.UUID) -> Job:
    """Return the job, locked until the transaction ends; Job.DoesNotExist if there is none."""
    _expect_transaction()
    return Job.objects.select_for_update(no_key=True).get(id=job_id)


def job_try_lock(job_id: uuid.UUID) -> Job | None:
    """Return the job locked, or None if there is none or somebody else is at it (who comes next retries)."""
    _expect_transaction()
    return Job.objects.select_for_update(no_key=True, skip_locked=True).filter(id=job_id).first()


def jobs_try_lock(job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Job]:
    """Return those of the jobs that could be locked without waiting, locked in order of their ids."""
    _expect_transaction()
    jobs = Job.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return {job.id: job for job in jobs.select_related("model").filter(id__in=job_ids).order_by("id")}


def provider_lock(provider_id: uuid.UUID) -> Provider:
    """Return the provider, locked until the transaction ends."""
    _expect_transaction()
    return Provider.objects.select_for_update(no_key=True).get(id=provider_id)


def provider_try_lock(provider_id: uuid.UUID) -> Provider | None:
    """Return the provider locked, or None if somebody else is at it."""
    _expect_transaction()
    return Provider.objects.select_for_update(no_key=True, skip_locked=True).filter(id=provider_id).first()


def batch_lock(batch_id: uuid.UUID, *states: str) -> Batch | None:
    """Return the batch, locked until the transaction ends; None if it is not in one of these states.

    Its lines are changed by nobody else meanwhile.
    """
    _expect_transaction()
    batch: Batch | None = Batch.objects.select_for_update(no_key=True).filter(id=batch_id).first()
    return batch if batch is not None and batch.state in states else None


def adaptive_lock(request_id: uuid.UUID) -> AdaptiveRequest:
    """Return the adaptive request, locked until the transaction ends: its tranches are judged one by one."""
    _expect_transaction()
    return AdaptiveRequest.objects.select_for_update(no_key=True).get(id=request_id)


def _expect_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Expected a transaction around a lock")
