"""Work becomes money: a delivered job is metered, paid for and receipted, exactly once."""

import uuid
from datetime import datetime

from django.db import transaction

from core.notify import JOB, notify
from cux.wire.metering import Usage, usage
from exchange.services.entitlement_draw import entitlement_draw
from inference.locks import job_lock
from inference.models import Checkpoint, Job, Lease
from inference.selectors.catalogue import card_of
from inference.services.receipt_write import receipt_write
from inference.services.reservation import reservation_close, reservation_parts


@transaction.atomic
def job_settle(*, job_id: uuid.UUID, now: datetime) -> Job:
    """This function will settle a delivered job: draw its compute, pay the provider, write the receipt.

    The meter is the relay's own count of token ids under the model's card. Any number of calls, at once
    or later, settle it once: all hold the job's row, and all but the first find it settled. A job that is
    not delivered is left alone.
    """
    job = job_lock(job_id)
    if job.state != Job.State.DELIVERED:
        return job
    lease = job.leases.select_related("provider").get(state=Lease.State.DELIVERED)
    used = _meter(job, lease)
    parts = reservation_parts(job)
    drawn = entitlement_draw(
        job_id=job.id,
        parts=parts,
        used_ucu=used.compute_ucu,
        hold_back_ppm=lease.provider.hold_back_ppm,
        now=now,
    )
    reservation_close(parts)
    receipt_write(job=job, lease=lease, used=used, charged_nano_usd=drawn.charged_nano_usd, now=now)
    job.state = Job.State.COMPLETED
    job.compute_ucu = used.compute_ucu
    job.charged_nano_usd = drawn.charged_nano_usd
    job.ended_at = now
    job.save(update_fields=["state", "compute_ucu", "charged_nano_usd", "ended_at"])
    _forget(job)
    notify(JOB, str(job.id))
    return job


def _meter(job: Job, lease: Lease) -> Usage:
    return usage(
        card_of(job.model),
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        output_tokens=lease.output_tokens,
    )


def _forget(job: Job) -> None:
    """Delete prompt and answer where the class keeps nothing."""
    if job.model.compute_class.retention == "none":
        Job.objects.filter(id=job.id).update(prompt=None)
        Checkpoint.objects.filter(lease__job=job).update(token_ids=None)
