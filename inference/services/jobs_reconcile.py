"""The reconciler of jobs: each open job whose next step was lost takes it again."""

from datetime import datetime

from core.reconcile import for_each
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle


def jobs_reconcile(*, now: datetime) -> None:
    """This function will settle delivered jobs and dispatch queued ones (or refund those that are late).

    Level-triggered, each job in a transaction of its own. Jobs with a live lease are the business of
    `leases_expire`.
    """
    open_jobs = Job.objects.filter(ended_at__isnull=True).order_by("created_at")
    for_each(
        list(open_jobs.filter(state=Job.State.DELIVERED).values_list("id", flat=True)),
        lambda job_id: job_settle(job_id=job_id, now=now),
        name="settle",
    )
    for_each(
        list(open_jobs.filter(state=Job.State.QUEUED).values_list("id", flat=True)),
        lambda job_id: job_dispatch(job_id=job_id, now=now),
        name="dispatch",
    )
