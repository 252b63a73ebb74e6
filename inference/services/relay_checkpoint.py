"""Every second the relay writes down what it has counted, and at the end that it is all there."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from billing.services.usage_record import UsageRow, usage_record
from core.data_keys import data_sealer, token_bytes
from core.hints import hint_on_commit
from core.notify import JOB, notify
from core.outbox import outbox_add
from cux.wire.agent import FinishedLine, UploadResult
from cux.wire.signing import SigningError, decode_key
from cux.wire.verification import verify_statement
from inference.engines.tokenizer import Detokenizer, load_tokenizer
from inference.locks import job_lock, jobs_try_lock
from inference.models import Checkpoint, Job, Lease
from inference.selectors.answers import prefix_tokens
from inference.selectors.meter import metered
from inference.services.job_dispatch import dispatch_next
from inference.services.job_move import lease_end
from inference.services.receipt_write import statement_of
from inference.services.standing_record import delivery_record

_COUNTED: Final = """
    UPDATE inference_lease l
    SET output_tokens = u.tokens,
        first_token_at = coalesce(l.first_token_at, CASE WHEN u.tokens > 0 THEN %s END)
    FROM unnest(%s::uuid[], %s::int[]) AS u (id, tokens) WHERE l.id = u.id
"""
_STEP_TOKENS: Final = 16
"""As many tokens an engine may sample in one step, before it sees that a stop sequence was among them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a lease: its own token ids, and the rows of their likelihoods if it tells them."""

    ids: Sequence[int]
    rows: Sequence[int] = ()


@transaction.atomic
def relay_checkpoint(
    *, lease_id: uuid.UUID, ids: Sequence[int], now: datetime, rows: Sequence[int] = ()
) -> bool:
    """This function will keep the token ids counted so far; False if the lease may not deliver any more.

    They are the lease's own, and so are the `rows` of their likelihoods where it tells them: what earlier
    leases of the job delivered is kept with those.
    """
    job, lease = _lock(lease_id)
    if not _is_live(job, lease):
        return False
    if len(ids) >= lease.output_tokens:  # else another checkpoint, made later, was quicker
        _write(job, lease, Counted(ids, rows), now)
    return True


@transaction.atomic
def relay_checkpoints(*, counts: Mapping[uuid.UUID, Counted], now: datetime) -> set[uuid.UUID]:
    """This function will keep what was counted so far of many leases, by their ids.

    Jobs that somebody else is at are left for the next time. Return the leases that may not deliver any more.
    """
    job_ids = Lease.objects.filter(id__in=counts).values_list("job_id", flat=True)
    jobs = jobs_try_lock(list(job_ids))
    leases = Lease.objects.filter(id__in=counts, job_id__in=jobs)
    over = {lease.id for lease in leases if not _is_live(jobs[lease.job_id], lease)}
    live = [
        (jobs[lease.job_id], lease, counts[lease.id])
        for lease in leases
        if lease.id not in over and len(counts[lease.id].ids) >= lease.output_tokens
    ]
    _write_many(live, now)
    return over


@transaction.atomic
def relay_deliver(
    *,
    lease_id: uuid.UUID,
    ids: Sequence[int],
    finished: FinishedLine,
    now: datetime,
    rows: Sequence[int] = (),
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
    _write(job, lease, Counted(ids, rows), now)
    refusal = _refusal(job, lease, list(ids), finished)
    if refusal is not None:
        lease_end(lease=lease, job=job, state=Lease.State.FAILED, outcome=refusal, now=now)
        return UploadResult(status="superseded", output_tokens=len(ids))
    Checkpoint.objects.filter(lease=lease).update(
        finish_reason=finished.finish_reason, provider_signature=finished.provider_signature
    )
    lease.state, lease.ended_at = Lease.State.DELIVERED, now
    lease.save(update_fields=["state", "ended_at"])
    job.state, job.finish_reason = Job.State.DELIVERED, finished.finish_reason
    job.output_tokens = prefix_tokens(lease) + len(ids)
    job.save(update_fields=["state", "output_tokens", "finish_reason"])
    outbox_add(topic="job.settle", payload={"job_id": str(job.id)})
    hint_on_commit(task="inference.job_settle", queue="jobs", job_id=str(job.id))
    dispatch_next(provider=lease.provider, model=job.model_id)
    notify(JOB, str(job.id))
    delivery_record(lease=lease, model=job.model_id, now=now)
    return UploadResult(status="accepted", output_tokens=len(ids))


def _lock(lease_id: uuid.UUID) -> tuple[Job, Lease]:
    job = job_lock(Lease.objects.values_list("job_id", flat=True).get(id=lease_id))
    return job, Lease.objects.select_related("provider").get(id=lease_id)


def _is_live(job: Job, lease: Lease) -> bool:
    return lease.state == Lease.State.STREAMING and lease.epoch == job.epoch


def _write(job: Job, lease: Lease, counted: Counted, now: datetime) -> None:
    _write_many([(job, lease, counted)], now)
    lease.output_tokens = len(counted.ids)
    if counted.ids:
        lease.first_token_at = lease.first_token_at or now


def _used_ucu(job: Job, lease: Lease, output_tokens: int) -> int:
    """Return what the job has used so far, with what earlier leases delivered."""
    return metered(job, output_tokens=prefix_tokens(lease) + output_tokens).compute_ucu


def _write_many(counted: Sequence[tuple[Job, Lease, Counted]], now: datetime) -> None:
    """Write many leases' tokens, in as many statements as for one."""
    sealers = {job.organisation_id: data_sealer(job.organisation_id) for job, _, _ in counted}
    rows = [_row(sealers[job.organisation_id], lease, each, now) for job, lease, each in counted]
    fields = ["output_tokens", "token_ids", "likelihoods", "updated_at"]
    Checkpoint.objects.bulk_create(rows, update_conflicts=True, unique_fields=["lease"], update_fields=fields)
    counts = [len(each.ids) for *_, each in counted]
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [now, [lease.id for _, lease, _ in counted], counts])
    used = [
        UsageRow(lease.id, tokens, job.organisation_id, _used_ucu(job, lease, tokens))
        for (job, lease, _), tokens in zip(counted, counts, strict=True)
    ]
    usage_record(rows=used, now=now)


def _row(seal: Callable[[str, bytes], bytes], lease: Lease, counted: Counted, now: datetime) -> Checkpoint:
    return Checkpoint(
        lease=lease,
        output_tokens=len(counted.ids),
        token_ids=seal(f"answer:{lease.id}", token_bytes(counted.ids)),
        likelihoods=seal(f"likelihoods:{lease.id}", token_bytes(counted.rows)) if counted.rows else None,
        updated_at=now,
    )


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
    """Tell whether a stop sequence was complete more than a step of the engine ago: nobody pays for that.

    One that began before these ids does not count: a lease continues where none has begun (`seam`).
    """
    stops = job.sampling["stop"]
    if not stops:
        return False
    shown = Detokenizer(load_tokenizer(job.model.directory)).add(ids[: -_STEP_TOKENS - 1])
    return any(stop in shown for stop in stops)
