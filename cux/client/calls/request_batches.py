"""Plain completions, and files of requests that are answered within a day."""

import uuid
from dataclasses import replace
from typing import Literal, Unpack

import msgspec

from cux.client.call import Call, get, segment, write
from cux.client.calls.compute import CHAT_TIMEOUT_S
from cux.client.options import ChatOptions, asked_of
from cux.client.views import TextCompletion
from cux.wire.openai import BatchJob, BatchJobList, FileDeleted, FileList, FileView, NewBatch

Endpoint = Literal["/v1/chat/completions", "/v1/completions"]


def complete(
    model: str, prompt: str, *, idempotency_key: str | None = None, **options: Unpack[ChatOptions]
) -> Call[TextCompletion]:
    """Continue a text and return the whole continuation with its usage and charge."""
    body = {"model": model, "prompt": prompt, **asked_of(options)}
    return write(
        "POST",
        "/v1/completions",
        TextCompletion,
        body=body,
        idempotency_key=idempotency_key,
        timeout_s=CHAT_TIMEOUT_S,
    )


def file_upload(content: bytes, *, filename: str, idempotency_key: str | None = None) -> Call[FileView]:
    """Bring a file of requests for a batch: JSON Lines."""
    boundary = uuid.uuid4().hex  # of no line
    name = filename.replace('"', "%22").replace("\r", "").replace("\n", "")
    before = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    call = write("POST", "/v1/files", FileView, idempotency_key=idempotency_key)
    form = before.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return replace(call, body=form, content_type=f"multipart/form-data; boundary={boundary}")


def file_list(*, limit: int = 20, after: str | None = None) -> Call[FileList]:
    """Return a page of files, newest first; `after` is the `last_id` of the page before."""
    return get("/v1/files", FileList, limit=limit, after=after)


def file_get(file_id: str) -> Call[FileView]:
    """Return what a file is."""
    return get(f"/v1/files/{segment(file_id)}", FileView)


def file_content(file_id: str) -> Call[bytes]:
    """Return what a file holds, byte for byte."""
    return get(f"/v1/files/{segment(file_id)}/content", bytes)


def file_delete(file_id: str, *, idempotency_key: str | None = None) -> Call[FileDeleted]:
    """Delete a file for good."""
    return write("DELETE", f"/v1/files/{segment(file_id)}", FileDeleted, idempotency_key=idempotency_key)


def batch_create(
    input_file_id: str,
    *,
    endpoint: Endpoint = "/v1/chat/completions",
    metadata: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Call[BatchJob]:
    """Have the requests of a file answered within 24 hours, on the cheapest compute that is held."""
    body = NewBatch(
        input_file_id=input_file_id, endpoint=endpoint, completion_window="24h", metadata=metadata
    )
    return write("POST", "/v1/batches", BatchJob, body=body, idempotency_key=idempotency_key)


def batch_list(*, limit: int = 20, after: str | None = None) -> Call[BatchJobList]:
    """Return a page of batches, newest first; `after` is the `last_id` of the page before."""
    return get("/v1/batches", BatchJobList, limit=limit, after=after)


def batch_get(batch_id: str) -> Call[BatchJob]:
    """Return how far a batch is."""
    return get(f"/v1/batches/{segment(batch_id)}", BatchJob)


def batch_cancel(batch_id: str) -> Call[BatchJob]:
    """Begin no further request of a batch; what runs is finished."""
    path = f"/v1/batches/{segment(batch_id)}/cancel"
    return Call(method="POST", path=path, shape=BatchJob, body=msgspec.json.encode({}), changes_nothing=True)
