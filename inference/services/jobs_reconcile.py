"""The reconciler of jobs: each open job whose next step was lost takes it again."""

from datetime import datetime

from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle


def jobs_reconcile(*, now: datetime) -> None:
    """This function will dispatch queued jobs (or refund those that are late) and settle delivered ones.

    Level-triggered, each job in a transaction of its own. Jobs with a live lease are the business of
    `leases_expire`.
    """
    waiting = Job.objects.filter(
        ended_at__isnull=True, state__in=[Job.State.QUEUED, Job.State.DELIVERED]
    ).order_by("created_at")
    for job_id, state in list(waiting.values_list("id", "state")):
        if state == Job.State.DELIVERED:
            job_settle(job_id=job_id, now=now)
        else:
            job_dispatch(job_id=job_id, now=now)
