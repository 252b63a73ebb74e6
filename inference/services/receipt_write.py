"""Receipts: the provider's signed statement, the meter and the charge, chained and signed by the exchange."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from msgspec import UNSET, UnsetType

from core.clock import rfc3339
from core.exchange_key import exchange_key
from core.ids import public_id
from cux.wire.metering import Usage
from cux.wire.receipt import (
    Attempt,
    FinishReason,
    Outcome,
    Statement,
    build_receipt,
    build_statement,
    receipt_bytes,
    receipt_hash,
)
from cux.wire.shares import shares_ucu
from cux.wire.signing import decode_key, key_id
from inference.locks import provider_lock
from inference.models import Job, Lease, Receipt
from inference.selectors.answers import answer_ids, prefix_ids
from inference.selectors.catalogue import card_of

_OUTCOMES: Final[dict[str, Outcome]] = {
    Lease.State.DELIVERED: "finished",
    Lease.State.FAILED: "failed",
    Lease.State.EXPIRED: "expired",
}


def receipt_write(*, job: Job, lease: Lease, used: Usage, charged_nano_usd: int, now: datetime) -> Receipt:
    """This function will append the job's receipt to the provider's chain.

    Inside the settlement's transaction; the provider's row is locked, so that the chain has no fork.
    """
    checkpoint = lease.checkpoint
    finish_reason = cast(FinishReason, checkpoint.finish_reason)
    statement = statement_of(job, lease, answer_ids(job, lease), finish_reason)
    provider = provider_lock(lease.provider_id)
    receipt = build_receipt(
        statement=statement,
        provider_signature=checkpoint.provider_signature,
        provider_key_id=key_id(decode_key(provider.public_key)),
        usage=used,
        quote_ucu=job.quote_ucu,
        charged_nano_usd=charged_nano_usd,
        attempts=_attempts(job),
        settled_at=rfc3339(now),
        provider_seq=provider.receipt_sequence + 1,
        prev_hash=provider.receipt_head,
        exchange_key=exchange_key(),
    )
    document = receipt_bytes(receipt)
    row = Receipt.objects.create(
        job=job,
        provider=provider,
        sequence=provider.receipt_sequence + 1,
        previous_hash=provider.receipt_head,
        hash=receipt_hash(document),
        document=document,
        created_at=now,
    )
    provider.receipt_sequence = row.sequence
    provider.receipt_head = row.hash
    provider.save(update_fields=["receipt_sequence", "receipt_head"])
    return row


def statement_of(job: Job, lease: Lease, ids: list[int], finish_reason: FinishReason) -> Statement:
    """Return what the provider must have signed, by the exchange's own count."""
    return build_statement(
        job_id=public_id("job", job.id),
        lease_id=public_id("lease", lease.id),
        epoch=lease.epoch,
        provider_id=public_id("provider", lease.provider_id),
        model=job.model_id,
        model_revision=job.model.revision,
        card_hash=job.model.card_hash,
        prompt_tokens=job.prompt_tokens,
        output_ids=ids,
        finish_reason=finish_reason,
        prefix_ids=prefix_ids(job, lease),
    )


def _attempts(job: Job) -> list[Attempt]:
    """Return the job's leases; where several delivered, each with what of the bill is its provider's."""
    leases = list(job.leases.order_by("epoch"))
    delivered = [lease.output_tokens for lease in leases]
    shares: Sequence[int | UnsetType] = [UNSET] * len(leases)
    if any(delivered[:-1]):
        shares = shares_ucu(
            card_of(job.model),
            prompt_tokens=job.prompt_tokens,
            cached_tokens=job.cached_tokens,
            output_tokens=delivered,
        )
    return [
        Attempt(
            lease_id=public_id("lease", lease.id),
            epoch=lease.epoch,
            provider_id=public_id("provider", lease.provider_id),
            outcome=_OUTCOMES[lease.state],
            output_tokens=lease.output_tokens,
            compute_ucu=share,
        )
        for lease, share in zip(leases, shares, strict=True)
    ]
