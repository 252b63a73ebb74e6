"""Every second the relay writes down what it has counted, and at the end that it is all there."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.services.usage_record import UsageRow, usage_record
from core.hints import hint_on_commit
from core.notify import JOB, notify
from core.outbox import outbox_add
from core.sealing import seal_token_ids
from cux.wire.agent import FinishedLine, UploadResult
from cux.wire.signing import SigningError, decode_key
from cux.wire.verification import verify_statement
from inference.engines.tokenizer import Detokenizer, load_tokenizer
from inference.locks import job_lock
from inference.models import Checkpoint, Job, Lease
from inference.selectors.meter import metered
from inference.services.job_dispatch import dispatch_next
from inference.services.job_move import lease_end
from inference.services.receipt_write import statement_of

_STEP_TOKENS: Final = 16
"""As many tokens an engine may sample in one step, before it sees that a stop sequence was among them."""


@transaction.atomic
def relay_checkpoint(*, lease_id: uuid.UUID, ids: Sequence[int], now: datetime) -> bool:
    """This function will keep the token ids counted so far; False if the lease may not deliver any more."""
    job, lease = _lock(lease_id)
    if not _is_live(job, lease):
        return False
    _write(job, lease, ids, now)
    return True


@transaction.atomic
def relay_deliver(
    *, lease_id: uuid.UUID, ids: Sequence[int], finished: FinishedLine, now: datetime
) -> UploadResult:
    """This function will accept a complete answer, once, from the live lease of the newest epoch.

    The provider's signature must be over the statement of our own count: then the two counts agree in
    every token. If not, if nothing was delivered, if the provider gave up on its own or went on after a stop
    sequence, the lease has failed and the answer is not taken. What a canceled job's provider delivered
    until it stopped is an answer, and is paid for.
    """
    job, lease = _lock(lease_id)
    if lease.state == Lease.State.DELIVERED:
        return UploadResult(status="duplicate", output_tokens=lease.output_tokens)
    if not _is_live(job, lease):
        return UploadResult(status="superseded", output_tokens=0)
    _write(job, lease, ids, now)
    refusal = _refusal(job, lease, list(ids), finished)
    if refusal is not None:
        lease_end(lease=lease, job=job, state=Lease.State.FAILED, outcome=refusal, now=now)
        return UploadResult(status="superseded", output_tokens=len(ids))
    Checkpoint.objects.filter(lease=lease).update(
        finish_reason=finished.finish_reason, provider_signature=finished.provider_signature
    )
    lease.state, lease.ended_at = Lease.State.DELIVERED, now
    lease.save(update_fields=["state", "ended_at"])
    job.state, job.output_tokens, job.finish_reason = Job.State.DELIVERED, len(ids), finished.finish_reason
    job.save(update_fields=["state", "output_tokens", "finish_reason"])
    outbox_add(topic="job.settle", payload={"job_id": str(job.id)})
    hint_on_commit(task="inference.job_settle", queue="jobs", job_id=str(job.id))
    dispatch_next(provider=lease.provider)
    notify(JOB, str(job.id))
    return UploadResult(status="accepted", output_tokens=len(ids))


def _lock(lease_id: uuid.UUID) -> tuple[Job, Lease]:
    job = job_lock(Lease.objects.values_list("job_id", flat=True).get(id=lease_id))
    return job, Lease.objects.select_related("provider").get(id=lease_id)


def _is_live(job: Job, lease: Lease) -> bool:
    return lease.state == Lease.State.STREAMING and lease.epoch == job.epoch


def _write(job: Job, lease: Lease, ids: Sequence[int], now: datetime) -> None:
    sealed = seal_token_ids(organisation_id=job.organisation_id, context=f"answer:{lease.id}", ids=ids)
    Checkpoint.objects.update_or_create(
        lease=lease, defaults={"output_tokens": len(ids), "token_ids": sealed, "updated_at": now}
    )
    lease.output_tokens = len(ids)
    lease.save(update_fields=["output_tokens"])
    used_ucu = metered(job, output_tokens=len(ids)).compute_ucu
    usage_record(rows=[UsageRow(lease.id, len(ids), job.organisation_id, used_ucu)], now=now)


def _refusal(job: Job, lease: Lease, ids: list[int], finished: FinishedLine) -> str | None:
    """Return why the answer is no answer; None if it is one."""
    if not ids:
        return "no_tokens"
    if finished.finish_reason == "abort" and job.canceled_at is None:
        return "aborted"
    if _went_on_after_stop(job, ids):
        return "went_on_after_stop"
    statement = statement_of(job, lease, ids, finished.finish_reason)
    try:
        key = decode_key(lease.provider.public_key)
        signed = verify_statement(statement, provider_signature=finished.provider_signature, public=key)
    except SigningError:
        signed = False
    return None if signed else "signature_invalid"


def _went_on_after_stop(job: Job, ids: list[int]) -> bool:
    """Tell whether a stop sequence was complete more than a step of the engine ago: nobody pays for that."""
    stops = job.sampling["stop"]
    if not stops:
        return False
    shown = Detokenizer(load_tokenizer(job.model.directory)).add(ids[: -_STEP_TOKENS - 1])
    return any(stop in shown for stop in stops)
