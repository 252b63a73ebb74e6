"""A waiting line of a batch becomes a job, or has to wait on, or is refused for good."""

import uuid
from datetime import datetime
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import F

from api.openai.batch_lines import Line, parse_line
from api.openai.batch_results import refused
from api.openai.quoting import quote_of
from api.openai.starting import refuse_unknown_names
from core.data_keys import seal_data, unseal_data
from core.errors import Code, CuxError
from inference.locks import batch_lock
from inference.models import Batch, BatchLine, Job
from inference.services.job_create import job_create

_WAITS: Final = frozenset(
    {
        Code.INSUFFICIENT_ENTITLEMENT,
        Code.ENTITLEMENT_EXPIRED,
        Code.DRAW_LIMIT,
        Code.DEPENDENCY_UNAVAILABLE,
        Code.BUDGET_EXCEEDED,
    }
)
"""What may be otherwise later: the line waits, as long as its batch's window lasts."""


def request_of(batch: Batch, line: BatchLine) -> bytes:
    """Return the line as it came."""
    return unseal_data(
        organisation_id=batch.organisation_id,
        context=f"batch-line:{batch.id}:{line.number}",
        sealed=bytes(line.request),
    )


def result_keep(batch: Batch, line: BatchLine, result: bytes, *, state: str) -> None:
    """Write down what came of a line, and count it. Inside a transaction that holds the batch's row."""
    line.state = state
    line.result = seal_data(
        organisation_id=batch.organisation_id, context=f"batch-result:{line.id}", plain=result
    )
    line.save(update_fields=["state", "result"])
    counted = "lines_completed" if state == BatchLine.State.COMPLETED else "lines_failed"
    Batch.objects.filter(id=batch.id).update(**{counted: F(counted) + 1})


@transaction.atomic
def line_begin(*, batch_id: uuid.UUID, line_id: uuid.UUID, now: datetime) -> BatchLine.State | None:
    """This function will have a waiting line's job created; return what the line is then.

    None, and nothing done, if line or batch are not what they were.
    """
    batch = batch_lock(batch_id, Batch.State.IN_PROGRESS)
    line = BatchLine.objects.filter(id=line_id, state=BatchLine.State.WAITING).first()
    if batch is None or line is None:
        return None
    request = request_of(batch, line)
    line.looked_at = now
    try:
        with transaction.atomic():
            line.job = _job(batch, parse_line(request, batch.endpoint), now)
    except CuxError as error:
        if error.code not in _WAITS:
            told = refused(line_id=line.id, request=request, endpoint=batch.endpoint, error=error)
            result_keep(batch, line, told, state=BatchLine.State.FAILED)
    else:
        line.state = BatchLine.State.RUNNING
    line.save(update_fields=["state", "job", "looked_at"])
    return BatchLine.State(line.state)


def _job(batch: Batch, line: Line, now: datetime) -> Job:
    """Create the job of a line: whoever sold cheapest runs it, unless the line says otherwise."""
    asked = line.asked
    quote = quote_of(asked, batch.organisation_id)
    refuse_unknown_names(asked, quote)
    preferences = asked.preferences
    return job_create(
        quote=quote,
        sampling=asked.sampling,
        now=now,
        api_key_id=batch.api_key_id,
        tag=asked.metadata.tag,
        preferences=msgspec.structs.replace(preferences, sort=preferences.sort or "price"),
        background=True,
    )
