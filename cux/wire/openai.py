"""Files and batches in the shapes of OpenAI's clients. Times are seconds since 1970."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Count

MetadataText = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00]*\Z")]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*\Z")]
BatchStatus = Literal[
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"
]


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file."""

    id: str
    object: Literal["file"] = "file"
    bytes: Count
    created_at: Count
    expires_at: Count
    filename: str
    purpose: Literal["batch", "batch_output"]
    status: Literal["processed"] = "processed"


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of files; `last_id` goes into `after` for the next one."""

    object: Literal["list"] = "list"
    data: list[FileView]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class NewBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run the requests of a file, one a line, within 24 hours."""

    input_file_id: Annotated[str, Meta(max_length=64)]
    endpoint: Literal["/v1/chat/completions", "/v1/completions"]
    completion_window: Literal["24h"]
    metadata: Annotated[dict[MetadataKey, MetadataText], Meta(max_length=16)] | None = None


class BatchCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a batch's requests there are, were answered, and were not."""

    total: Count
    completed: Count
    failed: Count


class BatchErrors(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a batch's file: `code`, `message`, `param` and `line`, from 1."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]


class BatchJob(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of requests."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    completion_window: Literal["24h"] = "24h"
    status: BatchStatus
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    errors: BatchErrors | None
    request_counts: BatchCounts
    metadata: dict[str, str] | None
    created_at: Count
    expires_at: Count
    in_progress_at: Count | None
    finalizing_at: Count | None
    completed_at: Count | None
    failed_at: Count | None
    expired_at: Count | None
    cancelling_at: Count | None
    cancelled_at: Count | None


class BatchJobList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of batches, newest first; `last_id` goes into `after` for the next one."""

    object: Literal["list"] = "list"
    data: list[BatchJob]
    first_id: str | None
    last_id: str | None
    has_more: bool
