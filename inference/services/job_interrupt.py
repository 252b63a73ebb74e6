"""A caller has seen the beginning of an answer that no provider will continue."""

import uuid
from datetime import datetime

from django.db import transaction

from core.errors import Code
from inference.locks import job_lock
from inference.services.job_refund import job_refund


@transaction.atomic
def job_interrupt(*, job_id: uuid.UUID, now: datetime) -> None:
    """This function will refund a job that is still open, in full.

    The gateway calls it when tokens of one lease reached the caller and another lease took over: the
    relay and the provider both died before the first token was written down.
    """
    job = job_lock(job_id)
    if job.ended_at is None:
        job_refund(job=job, failure=Code.JOB_FAILED, now=now)
