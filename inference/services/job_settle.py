"""Work becomes money: a delivered job is metered, paid for and receipted, exactly once."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts.services.webhook_emit import webhook_emit
from billing.services.budget_reserve import budget_settle
from billing.services.charge_record import Subject, charge_record
from core.ids import public_id
from core.notify import JOB, notify
from cux.wire.metering import Usage
from exchange.services.entitlement_draw import Drawn, entitlement_draw
from inference.locks import job_lock
from inference.models import Job, Lease
from inference.retention import KEPT
from inference.selectors.meter import metered
from inference.selectors.shares import share_parts
from inference.services.audit_sample import audit_sample
from inference.services.batch_hint import batch_hint
from inference.services.content_erase import content_erase
from inference.services.prefix_keep import prefix_keep
from inference.services.receipt_write import receipt_write
from inference.services.reservation import reservation_close, reservation_parts
from inference.services.share_keep import shares_close


@transaction.atomic
def job_settle(*, job_id: uuid.UUID, now: datetime) -> Job:
    """This function will settle a delivered job: draw its compute, pay who delivered, write the receipt.

    The meter is the relay's own count of token ids under the model's card. Any number of calls, at once
    or later, settle it once: all hold the job's row, and all but the first find it settled. A job that is
    not delivered is left alone. A batch's job keeps its words until its batch has taken them in.
    """
    job = job_lock(job_id)
    if job.state != Job.State.DELIVERED:
        return job
    lease = job.leases.select_related("provider").get(state=Lease.State.DELIVERED)
    used = metered(job, output_tokens=job.output_tokens)
    shares, parts = share_parts(job), reservation_parts(job)
    drawn = entitlement_draw(
        job_id=job.id,
        parts=shares + parts,  # drawn in this order: a share is always less than the bill
        used_ucu=used.compute_ucu,
        hold_back_ppm=_hold_backs(job).__getitem__,
        now=now,
    )
    shares_close(shares)
    reservation_close(parts)
    _charge(job, lease, used, drawn, now)
    receipt_write(job=job, lease=lease, used=used, charged_nano_usd=drawn.charged_nano_usd, now=now)
    job.state = Job.State.COMPLETED
    job.compute_ucu = used.compute_ucu
    job.charged_nano_usd = drawn.charged_nano_usd
    job.ended_at = now
    job.save(update_fields=["state", "compute_ucu", "charged_nano_usd", "ended_at"])
    prefix_keep(job=job, provider_id=lease.provider_id, now=now)
    if not KEPT[job.model.compute_class.retention] and not job.background:
        content_erase([job.id])
    audit_sample(job=job, now=now)
    _announce(job, now)
    batch_hint(job)
    notify(JOB, str(job.id))
    return job


def _hold_backs(job: Job) -> dict[uuid.UUID, int]:
    """Return what is held back, in ppm, of each provider that may be paid for the job."""
    leases = job.leases.values_list("provider__organisation_id", "provider__hold_back_ppm")
    return dict(leases)


def _charge(job: Job, lease: Lease, used: Usage, drawn: Drawn, now: datetime) -> None:
    """Write down what the job was charged, for statements and exports, and what its budgets have spent."""
    subject = Subject(
        kind="job",
        subject_id=job.id,
        organisation_id=job.payer_id,
        provider_id=lease.provider.organisation_id,
        model=job.model_id,
        card_hash=job.model.card_hash,
        compute_ucu=used.compute_ucu,
        api_key_id=job.api_key_id,
        tag=job.tag,
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        output_tokens=job.output_tokens,
    )
    charge_record(
        subject=subject,
        entry_key=f"settle:{job.id}" if used.compute_ucu else None,
        escrow_nano_usd=drawn.charged_nano_usd - drawn.fee_nano_usd,
        fee_nano_usd=drawn.fee_nano_usd,
        now=now,
    )
    budget_settle(job_id=job.id, charged_nano_usd=drawn.charged_nano_usd, now=now)


def _announce(job: Job, now: datetime) -> None:
    webhook_emit(
        organisation_id=job.organisation_id,
        type="job.settled",
        event_id=f"job.settled:{job.id}",
        data={
            "job_id": public_id("job", job.id),
            "model": job.model_id,
            "tag": job.tag,
            "compute_ucu": job.compute_ucu,
            "charged_nano_usd": job.charged_nano_usd,
        },
        now=now,
    )
