"""A batch takes the steps it can: read, begin lines, take in answers, write its files.

Level-triggered: each step looks at what the rows say, in a transaction that holds the batch's row, so any
worker may take it any number of times. A line and its job are written in one transaction: after a crash it
waits still, or runs already, and never runs twice.
"""

import uuid
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.models import ApiKey
from api.openai.batch_begin import line_begin
from api.openai.batch_collect import line_collect
from api.openai.batch_finish import batch_finish
from api.openai.batch_lines import read_lines
from core.data_keys import data_sealer
from core.errors import CuxError
from core.reconcile import for_each
from inference.locks import batch_lock
from inference.models import Batch, BatchLine
from inference.services.file_store import file_content

_LOOKS: Final = 64
_WAITS: Final = 3
"""Lines that one call looks at, and lines in a row that have to wait, before it stops."""


def batch_advance(*, batch_id: uuid.UUID, now: datetime) -> None:
    """This function will take a batch as far as it can go now."""
    batch_validate(batch_id=batch_id, now=now)
    ended = BatchLine.objects.filter(
        batch_id=batch_id, state=BatchLine.State.RUNNING, job__ended_at__isnull=False
    )
    for line_id in list(ended.values_list("id", flat=True)):
        line_collect(batch_id=batch_id, line_id=line_id, now=now)
    _begin_lines(batch_id, now)
    batch_finish(batch_id=batch_id, now=now)


def batches_reconcile(*, now: datetime) -> None:
    """This function will advance every open batch: those whose hints were lost, and those that wait."""
    open_ids = Batch.objects.filter(ended_at__isnull=True).order_by("id").values_list("id", flat=True)
    for_each(list(open_ids), lambda batch_id: batch_advance(batch_id=batch_id, now=now), name="batches")


@transaction.atomic
def batch_validate(*, batch_id: uuid.UUID, now: datetime) -> None:
    """This function will read the file into lines, or end the batch with what is wrong with them."""
    batch = batch_lock(batch_id, Batch.State.VALIDATING)
    if batch is None:
        return
    try:
        content = file_content(organisation_id=batch.organisation_id, file_id=batch.input_file_id, now=now)
        lines, errors = read_lines(content, batch.endpoint)
    except CuxError as gone:
        lines, errors = [], [{"code": gone.code.wire, "message": gone.message, "param": None, "line": None}]
    if errors:
        batch.state, batch.errors, batch.ended_at = Batch.State.FAILED, errors, now
        batch.save(update_fields=["state", "errors", "ended_at"])
        return
    seal = data_sealer(batch.organisation_id)
    BatchLine.objects.bulk_create(
        [
            BatchLine(
                batch=batch,
                number=number,
                request=seal(f"batch-line:{batch.id}:{number}", text),
                looked_at=now,
            )
            for number, text in lines
        ],
        batch_size=1_000,
    )
    batch.state, batch.in_progress_at, batch.lines_total = Batch.State.IN_PROGRESS, now, len(lines)
    batch.save(update_fields=["state", "in_progress_at", "lines_total"])


def _begin_lines(batch_id: uuid.UUID, now: datetime) -> None:
    """Begin waiting lines, those looked at longest ago first, until enough run or some have to wait."""
    batch = Batch.objects.filter(id=batch_id, state=Batch.State.IN_PROGRESS, expires_at__gt=now).first()
    if batch is None or _stopped_with_its_key(batch, now):
        return
    waiting = BatchLine.objects.filter(batch_id=batch_id, state=BatchLine.State.WAITING)
    waits = 0
    for line_id in list(waiting.order_by("looked_at", "number").values_list("id", flat=True)[:_LOOKS]):
        if _running(batch.organisation_id) >= settings.BATCH_JOBS_AT_ONCE or waits == _WAITS:
            return
        begun = line_begin(batch_id=batch_id, line_id=line_id, now=now)
        waits = waits + 1 if begun is BatchLine.State.WAITING else 0


def _running(organisation_id: uuid.UUID) -> int:
    return BatchLine.objects.filter(
        batch__organisation_id=organisation_id,
        batch__ended_at__isnull=True,
        state=BatchLine.State.RUNNING,
    ).count()


def _stopped_with_its_key(batch: Batch, now: datetime) -> bool:
    """Cancel a batch whose key was revoked or has expired: nothing more is spent under it."""
    key = ApiKey.objects.get(id=batch.api_key_id)
    if key.revoked_at is None and (key.expires_at is None or key.expires_at > now):
        return False
    Batch.objects.filter(id=batch.id, state=Batch.State.IN_PROGRESS).update(
        state=Batch.State.CANCELLING, ends_as=Batch.State.CANCELLED, cancelling_at=now
    )
    return True
