"""Receipts: what a provider signs it delivered, and what the exchange signs it counted and charged.

A receipt is one file of canonical bytes: `{"body": …, "exchange_signature": …}`. The exchange signs the
canonical bytes of the body; the body holds the provider's statement and signature and the hash of the
provider's previous receipt, so each receipt vouches for all before it. It names no organisation.
A job refunded without delivery has no receipt. Checking one is in `cux.wire.verification`.

Where a provider continued an answer that others had begun, its statement names how many tokens came before
its own, and their hash; the receipt stands in its chain, and says what each attempt is paid
(`cux.wire.shares`). The fields for that are left out of other receipts.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from cux.wire import VERSION, canonical
from cux.wire.fields import Count, Digest, Id, Instant, KeyId, Name, Positive, Signature, Tokens
from cux.wire.metering import Usage
from cux.wire.signing import SigningKey

STATEMENT_DOMAIN = "cux-statement-v1"
RECEIPT_DOMAIN = "cux-receipt-v1"
FIRST_PREV_HASH = "0" * 64
"""Stands for the previous hash in a provider's first receipt."""

FinishReason = Literal["stop", "length", "abort"]
Outcome = Literal["finished", "failed", "expired", "canceled"]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider signs: this lease, this model and card, these tokens.

    `output_tokens` are its own; those that earlier attempts delivered are the `prefix_tokens`.
    """

    version: Literal[1] = VERSION
    job_id: Id
    lease_id: Id
    epoch: Positive
    provider_id: Id
    model: Name
    model_revision: Name
    card_hash: Digest
    prompt_tokens: Tokens
    output_tokens: Tokens
    output_ids_sha256: Digest
    finish_reason: FinishReason
    prefix_tokens: Positive | UnsetType = UNSET
    prefix_ids_sha256: Digest | UnsetType = UNSET


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One lease of the job and how it ended; `output_tokens` as the gateway counted them.

    `compute_ucu` is what of the bill is its provider's, where more than one is paid.
    """

    lease_id: Id
    epoch: Positive
    provider_id: Id
    outcome: Outcome
    output_tokens: Tokens
    compute_ucu: Count | UnsetType = UNSET


class ReceiptBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the exchange signs: the provider's signed statement, the meter, the charge and the chain."""

    version: Literal[1] = VERSION
    statement: Statement
    provider_signature: Signature
    provider_key_id: KeyId
    cached_tokens: Tokens
    raw_flops: Count
    prefill_flops: Count
    decode_flops: Count
    compute_ucu: Count
    quote_ucu: Count
    charged_nano_usd: Count
    attempts: list[Attempt]
    settled_at: Instant
    provider_seq: Positive
    prev_hash: Digest
    exchange_key_id: KeyId


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body and the exchange's signature over its canonical bytes."""

    body: ReceiptBody
    exchange_signature: Signature


def build_statement(
    *,
    job_id: str,
    lease_id: str,
    epoch: int,
    provider_id: str,
    model: str,
    model_revision: str,
    card_hash: str,
    prompt_tokens: int,
    output_ids: Sequence[int],
    finish_reason: FinishReason,
    prefix_ids: Sequence[int] = (),
) -> Statement:
    """Return the statement for a lease that delivered `output_ids`; each side from its own count.

    `prefix_ids` are what earlier attempts had delivered, if any: the lease continued them.
    """
    return Statement(
        job_id=job_id,
        lease_id=lease_id,
        epoch=epoch,
        provider_id=provider_id,
        model=model,
        model_revision=model_revision,
        card_hash=card_hash,
        prompt_tokens=prompt_tokens,
        output_tokens=len(output_ids),
        output_ids_sha256=output_ids_hash(output_ids),
        finish_reason=finish_reason,
        prefix_tokens=len(prefix_ids) or UNSET,
        prefix_ids_sha256=output_ids_hash(prefix_ids) if prefix_ids else UNSET,
    )


def output_ids_hash(output_ids: Iterable[int]) -> str:
    """Return the SHA-256 in hex of token ids, each written as four bytes, big-endian."""
    return hashlib.sha256(b"".join(token.to_bytes(4, "big") for token in output_ids)).hexdigest()


def statement_bytes(statement: Statement) -> bytes:
    """Return the canonical bytes the provider signs."""
    return canonical.encode(msgspec.to_builtins(statement))


def body_bytes(body: ReceiptBody) -> bytes:
    """Return the canonical bytes the exchange signs."""
    return canonical.encode(msgspec.to_builtins(body))


def sign_statement(statement: Statement, key: SigningKey) -> str:
    """Return the provider's signature over `statement`, in hex."""
    return key.sign(domain=STATEMENT_DOMAIN, payload=statement_bytes(statement)).hex()


def build_receipt(
    *,
    statement: Statement,
    provider_signature: str,
    provider_key_id: str,
    usage: Usage,
    quote_ucu: int,
    charged_nano_usd: int,
    attempts: Sequence[Attempt],
    settled_at: str,
    provider_seq: int,
    prev_hash: str,
    exchange_key: SigningKey,
) -> Receipt:
    """Return the receipt signed by `exchange_key`; checking what goes into it is the caller's part."""
    body = ReceiptBody(
        statement=statement,
        provider_signature=provider_signature,
        provider_key_id=provider_key_id,
        cached_tokens=usage.cached_tokens,
        raw_flops=usage.raw_flops,
        prefill_flops=usage.prefill_flops,
        decode_flops=usage.decode_flops,
        compute_ucu=usage.compute_ucu,
        quote_ucu=quote_ucu,
        charged_nano_usd=charged_nano_usd,
        attempts=list(attempts),
        settled_at=settled_at,
        provider_seq=provider_seq,
        prev_hash=prev_hash,
        exchange_key_id=exchange_key.key_id,
    )
    signature = exchange_key.sign(domain=RECEIPT_DOMAIN, payload=body_bytes(body))
    return Receipt(body=body, exchange_signature=signature.hex())


def receipt_bytes(receipt: Receipt) -> bytes:
    """Return the receipt as one file: the bytes that are kept, hashed and verified."""
    return canonical.encode(msgspec.to_builtins(receipt))


def receipt_hash(data: bytes) -> str:
    """Return the SHA-256 in hex of a receipt's bytes: the `prev_hash` of the provider's next receipt."""
    return hashlib.sha256(data).hexdigest()
