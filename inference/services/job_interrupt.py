"""A caller has seen the beginning of an answer that goes on otherwise."""

import uuid
from datetime import datetime

from django.db import transaction

from core.errors import Code
from inference.locks import job_lock
from inference.services.job_refund import job_refund


@transaction.atomic
def job_interrupt(*, job_id: uuid.UUID, now: datetime) -> None:
    """This function will refund a job that is still open, in full.

    The gateway calls it when another lease took over and its answer is not what the caller has seen already:
    the relay and the provider both died before that was written down, and no one sampled it alike again.
    """
    job = job_lock(job_id)
    if job.ended_at is None:
        job_refund(job=job, failure=Code.JOB_FAILED, now=now)
