"""Files of an organisation's, sealed under its data key: what a batch reads and writes."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from core.data_keys import seal_data, unseal_data
from core.errors import Code, CuxError
from core.ids import new_id
from inference.models import Batch, StoredFile

FILE_MAX_BYTES: Final = 16 * 1024 * 1024
STORED_MAX_BYTES: Final = 256 * 1024 * 1024
"""What an organisation may bring altogether; what its batches write is not counted."""
KEPT: Final = timedelta(days=30)


@transaction.atomic
def file_create(
    *,
    organisation_id: uuid.UUID,
    purpose: str,
    filename: str,
    content: bytes,
    now: datetime,
    kept: timedelta = KEPT,
) -> StoredFile:
    """This function will keep a file until it is deleted, or `kept` has passed.

    Raises:
        CuxError: FILE_TOO_LARGE, FILE_STORAGE_FULL (neither holds for what a batch wrote).
    """
    if purpose == StoredFile.Purpose.BATCH:
        _refuse_too_much(organisation_id, len(content))
    file_id = new_id()
    sealed = seal_data(organisation_id=organisation_id, context=f"file:{file_id}", plain=content)
    return StoredFile.objects.create(
        id=file_id,
        organisation_id=organisation_id,
        purpose=purpose,
        filename=filename,
        size_bytes=len(content),
        content=sealed,
        created_at=now,
        expires_at=now + kept,
    )


def file_get(*, organisation_id: uuid.UUID, file_id: uuid.UUID, now: datetime) -> StoredFile:
    """Return a file of the organisation without its content.

    Raises:
        CuxError: UNKNOWN_FILE, there is none, or none any more.
    """
    live = StoredFile.objects.filter(organisation_id=organisation_id, expires_at__gt=now)
    found = live.defer("content").filter(id=file_id).first()
    if found is None:
        raise CuxError(Code.UNKNOWN_FILE)
    return found


def file_content(*, organisation_id: uuid.UUID, file_id: uuid.UUID, now: datetime) -> bytes:
    """Return what a file holds. Raises CuxError UNKNOWN_FILE as `file_get`."""
    found = file_get(organisation_id=organisation_id, file_id=file_id, now=now)
    return unseal_data(
        organisation_id=organisation_id, context=f"file:{file_id}", sealed=bytes(found.content)
    )


@transaction.atomic
def file_delete(*, organisation_id: uuid.UUID, file_id: uuid.UUID, now: datetime) -> None:
    """This function will delete a file for good. A batch that has read its lines goes on without it.

    Raises:
        CuxError: UNKNOWN_FILE; FILE_IN_USE, a batch has yet to read it.
    """
    file_get(organisation_id=organisation_id, file_id=file_id, now=now)
    unread = Batch.objects.filter(organisation_id=organisation_id, state=Batch.State.VALIDATING)
    if unread.filter(input_file_id=file_id).exists():
        raise CuxError(Code.FILE_IN_USE)
    StoredFile.objects.filter(organisation_id=organisation_id, id=file_id).delete()


def _refuse_too_much(organisation_id: uuid.UUID, size_bytes: int) -> None:
    if size_bytes > FILE_MAX_BYTES:
        raise CuxError(Code.FILE_TOO_LARGE, f"A file has at most {FILE_MAX_BYTES} bytes.", param="file")
    brought = StoredFile.objects.filter(organisation_id=organisation_id, purpose=StoredFile.Purpose.BATCH)
    stored: int = brought.aggregate(sum=Coalesce(Sum("size_bytes"), 0))["sum"]
    if stored + size_bytes > STORED_MAX_BYTES:
        raise CuxError(Code.FILE_STORAGE_FULL, param="file")
