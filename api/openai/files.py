"""/v1/files: what batches read and write. The scope `infer` is needed."""

import hashlib
import uuid
from functools import partial
from typing import Any, Final

import msgspec

from accounts.keys import KeyFacts
from api.auth import authenticate
from api.http import Request, Response, json_response
from api.openai.paging import known_id, page_of
from api.openai.uploads import Uploaded, parse_upload
from core.clock import utc_now
from core.errors import Code, CuxError
from core.idempotency import once
from core.ids import public_id
from core.threads import in_thread
from cux.wire.openai import FileDeleted, FileList, FileView
from inference.models import StoredFile
from inference.selectors.batches import file_list
from inference.services.file_store import FILE_MAX_BYTES, file_content, file_create, file_delete, file_get

UPLOAD_LIMIT: Final = FILE_MAX_BYTES + 64 * 1024
"""Bytes of a form: the largest file, and what is around it."""
_ORDERS: Final = ("asc", "desc")


async def upload(request: Request) -> Response:
    """Keep a file, sealed."""
    caller = await authenticate(request, "infer")
    key = request.idempotency_key()
    body = await request.body()
    content_type = request.header("content-type") or ""
    return json_response(await in_thread(_upload, caller, key, content_type, body))


async def files(request: Request) -> Response:
    """List the files, newest first unless `order=asc`."""
    caller = await authenticate(request, "infer")
    limit, after = page_of(request, "file", "purpose", "order")
    order, purpose = request.query.get("order", "desc"), request.query.get("purpose")
    if order not in _ORDERS:
        raise CuxError(Code.INVALID_FIELD, "The order is `asc` or `desc`.", param="order")
    if purpose is not None and purpose not in StoredFile.Purpose.values:
        raise CuxError(Code.INVALID_FIELD, "There is no such purpose.", param="purpose")
    rows = await in_thread(
        partial(
            file_list,
            organisation_id=caller.organisation_id,
            now=utc_now(),
            limit=limit + 1,
            after=after,
            purpose=purpose,
            oldest_first=order == "asc",
        )
    )
    views = [_view(row) for row in rows[:limit]]
    first, last = (views[0].id, views[-1].id) if views else (None, None)
    return json_response(FileList(data=views, first_id=first, last_id=last, has_more=len(rows) > limit))


async def file(request: Request) -> Response:
    """Show one file."""
    caller, file_id = await _asked(request)
    get = partial(file_get, organisation_id=caller.organisation_id, file_id=file_id, now=utc_now())
    return json_response(_view(await in_thread(get)))


async def content(request: Request) -> Response:
    """Give a file back as it was brought, or written."""
    caller, file_id = await _asked(request)
    get = partial(file_content, organisation_id=caller.organisation_id, file_id=file_id, now=utc_now())
    return Response(body=await in_thread(get), content_type="application/octet-stream")


async def delete(request: Request) -> Response:
    """Delete a file for good."""
    caller, file_id = await _asked(request)
    remove = partial(file_delete, organisation_id=caller.organisation_id, file_id=file_id, now=utc_now())
    await in_thread(remove)
    return json_response(FileDeleted(id=public_id("file", file_id)))


async def _asked(request: Request) -> tuple[KeyFacts, uuid.UUID]:
    caller = await authenticate(request, "infer")
    return caller, known_id("file", request.params["file_id"], Code.UNKNOWN_FILE)


def _upload(caller: KeyFacts, key: str | None, content_type: str, body: bytes) -> dict[str, Any]:
    brought = parse_upload(content_type, body)
    digest = hashlib.sha256(brought.filename.encode() + b"\0" + brought.content).digest()
    create = partial(_create, caller.organisation_id, brought)
    made, _ = once(organisation_id=caller.organisation_id, key=key, body_sha256=digest, action=create)
    return made


def _create(organisation_id: uuid.UUID, brought: Uploaded) -> dict[str, Any]:
    made = file_create(
        organisation_id=organisation_id,
        purpose=StoredFile.Purpose.BATCH,
        filename=brought.filename,
        content=brought.content,
        now=utc_now(),
        kept=brought.kept,
    )
    return dict(msgspec.to_builtins(_view(made)))


def _view(row: StoredFile) -> FileView:
    return FileView(
        id=public_id("file", row.id),
        bytes=row.size_bytes,
        created_at=int(row.created_at.timestamp()),
        expires_at=int(row.expires_at.timestamp()),
        filename=row.filename,
        purpose=row.purpose,  # type: ignore[arg-type]
    )
