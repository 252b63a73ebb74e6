"""A card, keys and receipts for the tests of wire and compute."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cux.wire import receipt
from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from cux.wire.signing import SigningKey

EXCHANGE_KEY = SigningKey(bytes(range(32)))
PROVIDER_KEY = SigningKey(bytes(range(32, 64)))
EXCHANGE_KEYS: Mapping[str, bytes] = {EXCHANGE_KEY.key_id: EXCHANGE_KEY.public}
PROVIDER_KEYS: Mapping[str, bytes] = {PROVIDER_KEY.key_id: PROVIDER_KEY.public}

SMOLLM2 = ComputeCard(
    model="smollm2-135m",
    revision="1",
    precision="bfloat16",
    layers=30,
    hidden_size=576,
    query_heads=9,
    kv_heads=3,
    head_dim=64,
    intermediate_size=1_536,
    vocab_size=49_152,
    tied_embeddings=True,
    decode_weight_milli=16_000,
)
OUTPUT_IDS = list(range(100))


def statement(**changes: Any) -> receipt.Statement:
    """A provider's statement on a job of 100 + 100 tokens, with `changes`."""
    built = receipt.build_statement(
        job_id="job-1",
        lease_id="lease-2",
        epoch=2,
        provider_id="provider-b",
        model=SMOLLM2.model,
        model_revision=SMOLLM2.revision,
        card_hash=SMOLLM2.card_hash,
        prompt_tokens=100,
        output_ids=OUTPUT_IDS,
        finish_reason="length",
    )
    return msgspec.structs.replace(built, **changes)


def body(signed: receipt.Statement | None = None, **changes: Any) -> receipt.ReceiptBody:
    """The body of the first receipt of a provider: the job moved to it from a provider that failed."""
    signed = signed or statement()
    built = receipt.build_receipt(
        statement=signed,
        provider_signature=receipt.sign_statement(signed, PROVIDER_KEY),
        provider_key_id=PROVIDER_KEY.key_id,
        usage=usage(SMOLLM2, prompt_tokens=100, output_tokens=100),
        quote_ucu=500,
        charged_nano_usd=9_300_000,
        attempts=[
            receipt.Attempt(
                lease_id="lease-1", epoch=1, provider_id="provider-a", outcome="failed", output_tokens=0
            ),
            receipt.Attempt(
                lease_id="lease-2", epoch=2, provider_id="provider-b", outcome="finished", output_tokens=100
            ),
        ],
        settled_at="2026-08-01T12:00:00.000001Z",
        provider_seq=1,
        prev_hash=receipt.FIRST_PREV_HASH,
        exchange_key=EXCHANGE_KEY,
    ).body
    return msgspec.structs.replace(built, **changes)


def receipt_file(signed: receipt.Statement | None = None, **changes: Any) -> bytes:
    """The bytes of a receipt whose changed body the exchange has signed."""
    changed = body(signed, **changes)
    payload = receipt.body_bytes(changed)
    signature = EXCHANGE_KEY.sign(domain=receipt.RECEIPT_DOMAIN, payload=payload).hex()
    return receipt.receipt_bytes(receipt.Receipt(body=changed, exchange_signature=signature))
