"""A caller does not want the rest of an answer."""

import uuid
from datetime import datetime

from django.db import transaction

from core.errors import Code
from core.notify import CONTROL, notify
from inference.locks import job_lock
from inference.models import Job, Lease
from inference.services.job_refund import job_refund

_NOBODY_AT_IT = (Job.State.QUEUED, Job.State.LEASED)


@transaction.atomic
def job_cancel(*, job_id: uuid.UUID, now: datetime) -> None:
    """This function will stop a job; one that is delivered or over stays as it is. Any number of times.

    What no provider has begun is refunded. Else the provider is told, at once or with its next heartbeat,
    aborts, and signs for the tokens it delivered until then: those are billed, with the finish reason
    `abort`. If it had delivered none, or does not stop when told, the job is refunded.
    """
    job = job_lock(job_id)
    if job.ended_at is not None or job.state == Job.State.DELIVERED or job.canceled_at is not None:
        return
    if job.state in _NOBODY_AT_IT:
        job.canceled_at = now
        job.save(update_fields=["canceled_at"])
        job_refund(job=job, failure=Code.JOB_CANCELED, now=now)
    else:
        job_stop(job=job, now=now)


def job_stop(*, job: Job, now: datetime) -> None:
    """This function will have a job's provider told to stop. Inside a transaction; `job` is locked, and open.

    From its deadline on that is because its time is up, not because its caller has left.
    """
    job.canceled_at = now
    job.save(update_fields=["canceled_at"])
    for provider_id in job.leases.filter(state__in=Lease.LIVE).values_list("provider_id", flat=True):
        notify(CONTROL, str(provider_id))
