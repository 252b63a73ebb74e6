"""A batch is opened over a file, and may be cancelled."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from accounts.selectors.bans import refuse_banned
from core.errors import Code, CuxError
from core.hints import hint_on_commit
from inference.locks import batch_lock
from inference.models import Batch, StoredFile
from inference.services.file_store import file_get

WINDOW: Final = timedelta(hours=24)
OPEN_MAX: Final = 32
"""Batches of one organisation that may be open at once."""


@transaction.atomic
def batch_create(
    *,
    organisation_id: uuid.UUID,
    api_key_id: uuid.UUID,
    endpoint: str,
    input_file_id: uuid.UUID,
    metadata: dict[str, str] | None,
    now: datetime,
) -> Batch:
    """This function will open a batch over a file. Its lines are read, and run, by the workers.

    Raises:
        CuxError: UNKNOWN_FILE; INVALID_FIELD, the file is what a batch wrote; TOO_MANY_BATCHES;
            ORGANISATION_BANNED.
    """
    refuse_banned(organisation_id)
    file = file_get(organisation_id=organisation_id, file_id=input_file_id, now=now)
    if file.purpose != StoredFile.Purpose.BATCH:
        raise CuxError(Code.INVALID_FIELD, "The file's purpose is not `batch`.", param="input_file_id")
    if Batch.objects.filter(organisation_id=organisation_id, ended_at__isnull=True).count() >= OPEN_MAX:
        raise CuxError(Code.TOO_MANY_BATCHES)
    batch = Batch.objects.create(
        organisation_id=organisation_id,
        api_key_id=api_key_id,
        endpoint=endpoint,
        input_file_id=input_file_id,
        metadata=metadata,
        created_at=now,
        expires_at=now + WINDOW,
    )
    _advance_soon(batch)
    return batch


def batch_get(*, organisation_id: uuid.UUID, batch_id: uuid.UUID) -> Batch:
    """Return a batch of the organisation. Raises CuxError UNKNOWN_BATCH."""
    found: Batch | None = Batch.objects.filter(organisation_id=organisation_id, id=batch_id).first()
    if found is None:
        raise CuxError(Code.UNKNOWN_BATCH)
    return found


@transaction.atomic
def batch_cancel(*, organisation_id: uuid.UUID, batch_id: uuid.UUID, now: datetime) -> Batch:
    """This function will have no further line of a batch begun. What runs is finished, and charged.

    Asked again it changes nothing.

    Raises:
        CuxError: UNKNOWN_BATCH; BATCH_NOT_CANCELLABLE, it has ended, or is about to.
    """
    batch_get(organisation_id=organisation_id, batch_id=batch_id)
    batch = batch_lock(batch_id, Batch.State.VALIDATING, Batch.State.IN_PROGRESS, Batch.State.CANCELLING)
    if batch is None:
        raise CuxError(Code.BATCH_NOT_CANCELLABLE)
    if batch.state == Batch.State.CANCELLING:
        return batch
    batch.state, batch.ends_as, batch.cancelling_at = Batch.State.CANCELLING, Batch.State.CANCELLED, now
    batch.save(update_fields=["state", "ends_as", "cancelling_at"])
    _advance_soon(batch)
    return batch


def _advance_soon(batch: Batch) -> None:
    hint_on_commit(task="api.batch_advance", queue="jobs", batch_id=str(batch.id))
