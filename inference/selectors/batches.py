"""Files and batches as their owner lists them."""

import uuid
from datetime import datetime

from inference.models import Batch, StoredFile


def file_list(
    *,
    organisation_id: uuid.UUID,
    now: datetime,
    limit: int,
    after: uuid.UUID | None = None,
    purpose: str | None = None,
    oldest_first: bool = False,
) -> list[StoredFile]:
    """Return the organisation's files, newest first unless told; `after` ended the page before."""
    rows = StoredFile.objects.filter(organisation_id=organisation_id, expires_at__gt=now).defer("content")
    if purpose is not None:
        rows = rows.filter(purpose=purpose)
    if after is not None:
        rows = rows.filter(id__gt=after) if oldest_first else rows.filter(id__lt=after)
    return list(rows.order_by("id" if oldest_first else "-id")[:limit])


def batch_list(*, organisation_id: uuid.UUID, limit: int, after: uuid.UUID | None = None) -> list[Batch]:
    """Return the organisation's batches, newest first; `after` ended the page before."""
    rows = Batch.objects.filter(organisation_id=organisation_id)
    if after is not None:
        rows = rows.filter(id__lt=after)
    return list(rows.order_by("-id")[:limit])
