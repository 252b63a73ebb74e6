"""/v1/batches: a file of requests, answered within a day. The scope `infer` is needed."""

import hashlib
import uuid
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from accounts.keys import KeyFacts
from api.auth import authenticate
from api.http import Request, Response, json_response, parse_json
from api.openai.paging import known_id, page_of
from core.clock import utc_now
from core.errors import Code
from core.idempotency import once
from core.ids import public_id
from core.threads import in_thread
from cux.wire.openai import BatchCounts, BatchErrors, BatchJob, BatchJobList, NewBatch
from inference.models import Batch
from inference.selectors.batches import batch_list
from inference.services.batch_open import batch_cancel, batch_create, batch_get


async def create(request: Request) -> Response:
    """Open a batch over a file that was brought."""
    caller = await authenticate(request, "infer")
    key = request.idempotency_key()
    body = await request.json_body()
    asked = parse_json(body, NewBatch)
    file_id = known_id("file", asked.input_file_id, Code.UNKNOWN_FILE)
    return json_response(await in_thread(_create, caller, key, body, asked, file_id))


async def batches(request: Request) -> Response:
    """List the batches, newest first."""
    caller = await authenticate(request, "infer")
    limit, after = page_of(request, "batch")
    organisation_id = caller.organisation_id
    rows = await in_thread(partial(batch_list, organisation_id=organisation_id, limit=limit + 1, after=after))
    views = [_view(row) for row in rows[:limit]]
    first, last = (views[0].id, views[-1].id) if views else (None, None)
    return json_response(BatchJobList(data=views, first_id=first, last_id=last, has_more=len(rows) > limit))


async def batch(request: Request) -> Response:
    """Show one batch."""
    caller, batch_id = await _asked(request)
    get = partial(batch_get, organisation_id=caller.organisation_id, batch_id=batch_id)
    return json_response(_view(await in_thread(get)))


async def cancel(request: Request) -> Response:
    """Begin no further request of a batch; what runs is finished."""
    caller, batch_id = await _asked(request)
    await request.body()
    stop = partial(batch_cancel, organisation_id=caller.organisation_id, batch_id=batch_id, now=utc_now())
    return json_response(_view(await in_thread(stop)))


async def _asked(request: Request) -> tuple[KeyFacts, uuid.UUID]:
    caller = await authenticate(request, "infer")
    return caller, known_id("batch", request.params["batch_id"], Code.UNKNOWN_BATCH)


def _create(
    caller: KeyFacts, key: str | None, body: bytes, asked: NewBatch, file_id: uuid.UUID
) -> dict[str, Any]:
    def action() -> dict[str, Any]:
        made = batch_create(
            organisation_id=caller.organisation_id,
            api_key_id=caller.key_id,
            endpoint=asked.endpoint,
            input_file_id=file_id,
            metadata=asked.metadata,
            now=utc_now(),
        )
        return dict(msgspec.to_builtins(_view(made)))

    digest = hashlib.sha256(body).digest()
    made, _ = once(organisation_id=caller.organisation_id, key=key, body_sha256=digest, action=action)
    return made


def _view(row: Batch) -> BatchJob:
    ended = _seconds(row.ended_at)
    return BatchJob(
        id=public_id("batch", row.id),
        endpoint=row.endpoint,
        status=row.state,  # type: ignore[arg-type]
        input_file_id=public_id("file", row.input_file_id),
        output_file_id=_file(row.output_file_id),
        error_file_id=_file(row.error_file_id),
        errors=BatchErrors(data=row.errors) if row.errors else None,
        request_counts=BatchCounts(
            total=row.lines_total, completed=row.lines_completed, failed=row.lines_failed
        ),
        metadata=row.metadata,
        created_at=int(row.created_at.timestamp()),
        expires_at=int(row.expires_at.timestamp()),
        in_progress_at=_seconds(row.in_progress_at),
        finalizing_at=_seconds(row.finalizing_at),
        completed_at=ended if row.state == Batch.State.COMPLETED else None,
        failed_at=ended if row.state == Batch.State.FAILED else None,
        expired_at=ended if row.state == Batch.State.EXPIRED else None,
        cancelling_at=_seconds(row.cancelling_at),
        cancelled_at=ended if row.state == Batch.State.CANCELLED else None,
    )


def _file(file_id: uuid.UUID | None) -> str | None:
    return None if file_id is None else public_id("file", file_id)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
