"""What was said and answered is erased: when its class keeps it no longer, or all at a word."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Organisation
from core.audit import Action, audit_note
from core.data_keys import data_key_delete
from core.errors import Code, CuxError
from core.ids import public_id
from inference.models import Batch, BatchLine, Checkpoint, Job, StoredFile
from inference.retention import KEPT

_BATCH: Final = 1_000
# Of how tokens were drawn, numbers stay; stop sequences, schemas and the like are the caller's words.
_ERASE: Final = """
    UPDATE inference_job SET prompt = NULL, sampling = '{"stop": []}'::jsonb || COALESCE(
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(sampling)
         WHERE jsonb_typeof(value) IN ('number', 'boolean')), '{}'::jsonb)
    WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many jobs had a prompt or an answer that was erased."""

    jobs: int


def content_erase(job_ids: Sequence[uuid.UUID]) -> None:
    """This function will erase what the callers of these jobs said and were answered.

    The jobs are over, and their figures stay.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ERASE, [list(job_ids)])
    Checkpoint.objects.filter(lease__job__in=job_ids).update(token_ids=None, likelihoods=None)


def content_expire(*, now: datetime) -> int:
    """This function will erase what is kept longer than its class says; return of how many jobs."""
    erased = 0
    for retention, kept in KEPT.items():
        due = (
            _with_content()
            .filter(model__compute_class__retention=retention, ended_at__isnull=False)
            .filter(ended_at__lte=now - kept)
            .exclude(batch_line__state=BatchLine.State.RUNNING)  # its batch has not got the answer yet
        )
        with transaction.atomic():
            free = due.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("ended_at")
            ids = list(free.values_list("id", flat=True)[:_BATCH])
            content_erase(ids)
        erased += len(ids)
    return erased


@transaction.atomic
def content_forget(*, organisation_id: uuid.UUID, confirm: str, now: datetime) -> Forgotten:
    """This function will delete the organisation's data key and erase all that it sealed, for good.

    `confirm` is the organisation's name, spelt as it is. Files are deleted too. Bills, receipts and usage
    stay: they hold no word of it. Who asks again goes on under a new key.

    Raises:
        CuxError: CONFIRMATION_WRONG; JOBS_UNDER_WAY, some, or batches, are not over yet: nothing was erased.
    """
    name = Organisation.objects.values_list("name", flat=True).get(id=organisation_id)
    if confirm != name:
        raise CuxError(Code.CONFIRMATION_WRONG, param="confirm")
    data_key_delete(organisation_id=organisation_id)  # from here on a new job waits, and gets another key
    for under_way in (Job, Batch):
        if under_way.objects.filter(organisation_id=organisation_id, ended_at=None).exists():
            raise CuxError(Code.JOBS_UNDER_WAY)
    StoredFile.objects.filter(organisation_id=organisation_id).delete()
    ids = list(_with_content().filter(organisation_id=organisation_id).values_list("id", flat=True))
    content_erase(ids)
    audit_note(
        Action.CONTENT_FORGOTTEN,
        public_id("organisation", organisation_id),
        organisation_id=organisation_id,
        jobs=len(ids),
    )
    return Forgotten(len(ids))


def _with_content() -> QuerySet[Job]:
    return Job.objects.filter(prompt__isnull=False)
