"""An upload begins: is this lease still the one that may deliver?"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from core.errors import Code, CuxError
from cux.wire.agent import UploadResult
from inference.likelihoods import row_width
from inference.locks import job_lock
from inference.models import Job, Lease
from inference.selectors.answers import answer_ids, answer_rows, prefix_ids, prefix_rows


@dataclass(frozen=True, slots=True)
class Opened:
    """What the relay needs to know of a lease; `known_ids` were counted before, by this or another relay.

    `prefix_ids` are what the job's earlier leases delivered; `max_tokens` is what they left. `row_width`
    numbers tell the likelihoods of a token (`inference.likelihoods`); `rows` are those of prefix and known.
    """

    lease_id: uuid.UUID
    job_id: uuid.UUID
    provider_id: uuid.UUID
    epoch: int
    max_tokens: int
    vocabulary: int
    prefix_ids: list[int] = field(repr=False)
    known_ids: list[int] = field(repr=False)
    row_width: int = 0
    rows: list[int] = field(default_factory=list, repr=False)


@transaction.atomic
def relay_open(*, lease_id: uuid.UUID, token: str, now: datetime) -> Opened | UploadResult:
    """This function will admit the upload of a live lease of its job's newest epoch, or say why not.

    The same lease may open again (the relay or the connection broke): its tokens are counted afresh.

    Raises:
        CuxError: NOT_FOUND, no such lease, or the token is not the lease's.
    """
    found = Lease.objects.filter(id=lease_id).first()
    if found is None or not _matches(found, token):
        raise CuxError(Code.NOT_FOUND, "There is no such lease, or the token is not its own.")
    job = job_lock(found.job_id)
    lease = Lease.objects.get(id=lease_id)
    if lease.state == Lease.State.DELIVERED:
        return UploadResult(status="duplicate", output_tokens=lease.output_tokens)
    if lease.state not in Lease.LIVE or lease.epoch != job.epoch:
        return UploadResult(status="superseded", output_tokens=0)
    if lease.state != Lease.State.STREAMING:
        lease.state, job.state = Lease.State.STREAMING, Job.State.STREAMING
        lease.save(update_fields=["state"])
        job.save(update_fields=["state"])
    prefix = prefix_ids(job, lease)
    return Opened(
        lease_id=lease.id,
        job_id=job.id,
        provider_id=lease.provider_id,
        epoch=lease.epoch,
        max_tokens=job.max_tokens - len(prefix),
        vocabulary=int(job.model.card["vocab_size"]),
        prefix_ids=prefix,
        known_ids=answer_ids(job, lease),
        row_width=row_width(job.sampling),
        rows=prefix_rows(job, lease) + answer_rows(job, lease),
    )


def _matches(lease: Lease, token: str) -> bool:
    digest = hashlib.sha256(token.encode()).digest()
    return lease.relay_token_sha256 is not None and hmac.compare_digest(
        bytes(lease.relay_token_sha256), digest
    )
