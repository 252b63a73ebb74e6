"""A batch of which nothing runs any more, and nothing will, writes its files and ends."""

import uuid
from datetime import datetime
from typing import Final

from django.db import transaction

from api.openai.batch_results import not_run
from core.data_keys import data_opener
from core.errors import Code
from core.ids import public_id
from inference.locks import batch_lock
from inference.models import Batch, BatchLine, Job, StoredFile
from inference.services.file_store import file_create
from inference.services.job_cancel import job_cancel

_STOPPED: Final = {
    Batch.State.EXPIRED: Code.BATCH_EXPIRED,
    Batch.State.CANCELLED: Code.BATCH_CANCELLED,
}


def batch_finish(*, batch_id: uuid.UUID, now: datetime) -> None:
    """This function will end a batch whose lines have their results, or get none any more.

    Of one that is cancelled or has expired, jobs that wait are stopped, and those that run are waited for.
    """
    if _is_stopped(batch_id, now):
        queued = BatchLine.objects.filter(
            batch_id=batch_id, state=BatchLine.State.RUNNING, job__state=Job.State.QUEUED
        )
        for job_id in list(queued.values_list("job_id", flat=True)):
            job_cancel(job_id=job_id, now=now)
    if _is_done(batch_id, now):
        _write_files(batch_id, now)


@transaction.atomic
def _is_stopped(batch_id: uuid.UUID, now: datetime) -> bool:
    """Tell whether no further line is begun; note it if that is so because the window is over."""
    batch = batch_lock(batch_id, Batch.State.IN_PROGRESS, Batch.State.CANCELLING)
    if batch is None:
        return False
    if batch.ends_as == Batch.State.COMPLETED and batch.expires_at <= now:
        batch.ends_as = Batch.State.EXPIRED
        batch.save(update_fields=["ends_as"])
    return batch.ends_as in _STOPPED


@transaction.atomic
def _is_done(batch_id: uuid.UUID, now: datetime) -> bool:
    """Say that the batch is finalizing, if it is done; tell whether it is."""
    batch = batch_lock(batch_id, Batch.State.IN_PROGRESS, Batch.State.CANCELLING, Batch.State.FINALIZING)
    if batch is None or batch.state == Batch.State.FINALIZING:
        return batch is not None
    open_states = {BatchLine.State.RUNNING}
    if batch.ends_as == Batch.State.COMPLETED:
        open_states.add(BatchLine.State.WAITING)
    if batch.lines.filter(state__in=open_states).exists():
        return False
    batch.state, batch.finalizing_at = Batch.State.FINALIZING, now
    batch.save(update_fields=["state", "finalizing_at"])
    return True


@transaction.atomic
def _write_files(batch_id: uuid.UUID, now: datetime) -> None:
    """Write answers and errors, each in the order of the lines, and forget the lines."""
    batch = batch_lock(batch_id, Batch.State.FINALIZING)
    if batch is None:
        return
    answers, errors = _results(batch)
    batch.output_file_id = _file(batch, "output", answers, now)
    batch.error_file_id = _file(batch, "error", errors, now)
    batch.lines.all().delete()
    batch.lines_failed = batch.lines_total - batch.lines_completed
    batch.state, batch.ended_at = batch.ends_as, now
    batch.save(update_fields=["output_file_id", "error_file_id", "lines_failed", "state", "ended_at"])


def _results(batch: Batch) -> tuple[list[bytes], list[bytes]]:
    lines = batch.lines.order_by("number")
    if not lines.exists():
        return [], []
    answers: list[bytes] = []
    errors: list[bytes] = []
    unseal = data_opener(batch.organisation_id)
    for line in lines.iterator(chunk_size=1_000):
        if line.result is None:
            request = unseal(f"batch-line:{batch.id}:{line.number}", bytes(line.request))
            code = _STOPPED[Batch.State(batch.ends_as)]
            errors.append(not_run(line_id=line.id, request=request, endpoint=batch.endpoint, code=code))
            continue
        result = unseal(f"batch-result:{line.id}", bytes(line.result))
        (answers if line.state == BatchLine.State.COMPLETED else errors).append(result)
    return answers, errors


def _file(batch: Batch, kind: str, lines: list[bytes], now: datetime) -> uuid.UUID | None:
    if not lines:
        return None
    made = file_create(
        organisation_id=batch.organisation_id,
        purpose=StoredFile.Purpose.BATCH_OUTPUT,
        filename=f"{public_id('batch', batch.id)}_{kind}.jsonl",
        content=b"\n".join([*lines, b""]),
        now=now,
    )
    return made.id
