"""A line's job has ended: its answer is taken in, or the line waits for another try, or has failed."""

import uuid
from datetime import datetime
from typing import Final

from django.db import transaction

from api.openai.batch_begin import request_of, result_keep
from api.openai.batch_results import answered, refused
from core.errors import Code, CuxError
from inference.locks import batch_lock
from inference.models import Batch, BatchLine, Job
from inference.retention import KEPT
from inference.services.content_erase import content_erase

_TRIES: Final = 3


@transaction.atomic
def line_collect(*, batch_id: uuid.UUID, line_id: uuid.UUID, now: datetime) -> None:
    """This function will take in what came of a line's job, once.

    A job that ran out of time before it had begun, or was stopped with its batch, cost nothing: the line
    waits again. So does one whose providers failed, `_TRIES` times in all.
    """
    batch = batch_lock(batch_id, Batch.State.IN_PROGRESS, Batch.State.CANCELLING)
    lines = BatchLine.objects.select_related("job__model__compute_class")
    line = lines.filter(id=line_id, state=BatchLine.State.RUNNING).first()
    if batch is None or line is None or line.job is None or line.job.ended_at is None:
        return
    request = request_of(batch, line)
    try:
        if line.job.state == Job.State.REFUNDED:
            raise CuxError(Code.of_wire(line.job.failure, Code.JOB_FAILED))
        told = answered(line_id=line.id, request=request, endpoint=batch.endpoint, job=line.job)
        result_keep(batch, line, told, state=BatchLine.State.COMPLETED)
    except CuxError as error:
        if _waits_again(line, error.code):
            line.state, line.job, line.looked_at = BatchLine.State.WAITING, None, now
            line.save(update_fields=["state", "job", "tries", "looked_at"])
            return
        told = refused(line_id=line.id, request=request, endpoint=batch.endpoint, error=error)
        result_keep(batch, line, told, state=BatchLine.State.FAILED)
    if not KEPT[line.job.model.compute_class.retention]:
        content_erase([line.job.id])


def _waits_again(line: BatchLine, code: Code) -> bool:
    """Tell whether a refunded line has another try, and count those that providers failed."""
    if code is Code.JOB_FAILED:
        line.tries += 1
    return code in (Code.JOB_TIMED_OUT, Code.JOB_CANCELED) or (
        code is Code.JOB_FAILED and line.tries < _TRIES
    )
