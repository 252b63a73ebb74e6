"""What of a job's quote is set aside for providers that failed within its answer."""

from exchange.services.entitlement_reserve import Part
from inference.models import Job, Share


def share_parts(job: Job) -> tuple[Part, ...]:
    """Return what is set aside for providers that failed, in the order of their attempts."""
    if not _may_have_shares(job):
        return ()
    rows = Share.objects.filter(lease__job=job, active=True).order_by("lease__epoch", "id")
    return tuple(Part(row.entitlement_id, row.hold_id, row.amount_ucu) for row in rows)


def kept_ucu(job: Job) -> int:
    """Return how much that is together, in µCU."""
    return sum(part.amount_ucu for part in share_parts(job))


def kept_cost_max_nano_usd(job: Job) -> int:
    """Return the most that drawing it can cost."""
    if not _may_have_shares(job):
        return 0
    rows = Share.objects.filter(lease__job=job, active=True).select_related("entitlement")
    return sum(row.entitlement.released_at_most(amount_ucu=row.amount_ucu) for row in rows)


def _may_have_shares(job: Job) -> bool:
    """Tell whether a lease of the job may have failed: not before its first, nor where that delivered."""
    return job.epoch > 1 or (job.epoch == 1 and job.state not in (Job.State.DELIVERED, Job.State.COMPLETED))
