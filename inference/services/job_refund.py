"""A job that was not delivered ends without costing anything."""

from datetime import datetime

from accounts.services.webhook_emit import webhook_emit
from billing.services.budget_reserve import budget_settle
from core.errors import Code
from core.ids import public_id
from core.notify import JOB, notify
from inference.models import Job, Lease
from inference.services.batch_hint import batch_hint
from inference.services.content_erase import content_erase
from inference.services.reservation import reservation_parts, reservation_release
from inference.services.share_keep import shares_release


def job_refund(*, job: Job, failure: Code, now: datetime) -> None:
    """This function will end the job unpaid: reservation released, lease ended, prompt and answer deleted.

    `job` is locked by the caller and open. `failure` is the error its caller gets.
    """
    reservation_release(parts=reservation_parts(job), now=now)
    shares_release(job=job, now=now)
    budget_settle(job_id=job.id, charged_nano_usd=0, now=now)
    job.leases.filter(state__in=Lease.LIVE).update(
        state=Lease.State.EXPIRED, ended_at=now, outcome=failure.wire
    )
    job.state = Job.State.REFUNDED
    job.failure = failure.wire
    job.ended_at = now
    job.save(update_fields=["state", "failure", "ended_at"])
    content_erase([job.id])
    webhook_emit(
        organisation_id=job.organisation_id,
        type="job.refunded",
        event_id=f"job.refunded:{job.id}",
        data={"job_id": public_id("job", job.id), "model": job.model_id, "failure": job.failure},
        now=now,
    )
    batch_hint(job)
    notify(JOB, str(job.id))
