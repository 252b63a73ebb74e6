"""Check receipts with nothing but public keys, and with the compute card also the arithmetic of the bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import msgspec
from msgspec import UNSET

from cux.wire import canonical, metering, shares, signing
from cux.wire.card import ComputeCard
from cux.wire.receipt import (
    FIRST_PREV_HASH,
    RECEIPT_DOMAIN,
    STATEMENT_DOMAIN,
    Attempt,
    Receipt,
    ReceiptBody,
    Statement,
    receipt_hash,
    statement_bytes,
)


class ReceiptFault(StrEnum):
    """What can be wrong with a receipt."""

    NOT_CANONICAL = "not_canonical"
    MALFORMED = "malformed"
    UNKNOWN_EXCHANGE_KEY = "unknown_exchange_key"
    EXCHANGE_SIGNATURE = "exchange_signature"
    UNKNOWN_PROVIDER_KEY = "unknown_provider_key"
    PROVIDER_SIGNATURE = "provider_signature"
    ATTEMPTS = "attempts"
    TOKENS = "tokens"
    COMPUTE = "compute"
    QUOTE = "quote"
    CARD = "card"
    CHAIN = "chain"


class ReceiptError(ValueError):
    """A receipt failed verification; `reason` names what failed."""

    def __init__(self, reason: ReceiptFault, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt that passed, with its hash and whether its µCU were recomputed from a card."""

    body: ReceiptBody
    receipt_hash: str
    compute_checked: bool


def verify_receipt(
    data: bytes,
    *,
    exchange_keys: Mapping[str, bytes],
    provider_keys: Mapping[str, bytes],
    card: ComputeCard | None = None,
) -> VerifiedReceipt:
    """Return the receipt in `data` if everything in it holds; the keys are public keys by key id.

    Checks the canonical form, both signatures, that statement and body agree, that no job costs more than
    its quote, that attempts which share a bill add up to it, and with `card` that tokens give exactly the
    stated FLOPs and µCU, of each share too. Raises ReceiptError.
    """
    receipt = parse_receipt(data)
    body = receipt.body
    _check_exchange_signature(data, receipt, exchange_keys)
    _check_provider_signature(body, provider_keys)
    _check_attempts(body)
    _check_figures(body)
    if card is not None:
        _check_compute(body, card)
    return VerifiedReceipt(body=body, receipt_hash=receipt_hash(data), compute_checked=card is not None)


def verify_chain(
    receipts: Sequence[bytes], *, exchange_keys: Mapping[str, bytes], provider_keys: Mapping[str, bytes]
) -> list[VerifiedReceipt]:
    """Return the receipts if each verifies and they are consecutive receipts of one provider, oldest first.

    The first may have predecessors that were not handed in, unless its number is 1. Raises ReceiptError.
    """
    verified: list[VerifiedReceipt] = []
    for data in receipts:
        current = verify_receipt(data, exchange_keys=exchange_keys, provider_keys=provider_keys)
        if verified:
            _check_link(verified[-1], current.body)
        verified.append(current)
    return verified


def verify_statement(statement: Statement, *, provider_signature: str, public: bytes) -> bool:
    """Tell whether the provider with the key `public` signed `statement`; the signature is in hex.

    The gateway asks this of the statement it built from its own count, so agreement on every figure and
    token id is one check. Raises SigningError if key or signature is malformed.
    """
    return signing.verify(
        public,
        domain=STATEMENT_DOMAIN,
        payload=statement_bytes(statement),
        signature=signing.decode_signature(provider_signature),
    )


def parse_receipt(data: bytes) -> Receipt:
    """Return the receipt in `data`, its form checked and nothing else; ReceiptError otherwise."""
    try:
        return msgspec.convert(canonical.decode(data), Receipt)
    except canonical.CanonicalError as error:
        raise ReceiptError(ReceiptFault.NOT_CANONICAL, str(error)) from error
    except msgspec.ValidationError as error:
        raise ReceiptError(ReceiptFault.MALFORMED, str(error)) from error


def _check_exchange_signature(data: bytes, receipt: Receipt, keys: Mapping[str, bytes]) -> None:
    """Check the signature over the body as it stands in the file, not over what is understood of it.

    A field left out that has a default would otherwise not be missed.
    """
    public = _key(keys, receipt.body.exchange_key_id, ReceiptFault.UNKNOWN_EXCHANGE_KEY)
    signature = signing.decode_signature(receipt.exchange_signature)
    payload = canonical.encode(canonical.decode(data)["body"])
    if not signing.verify(public, domain=RECEIPT_DOMAIN, payload=payload, signature=signature):
        raise ReceiptError(ReceiptFault.EXCHANGE_SIGNATURE, "not made by the exchange over this body")


def _check_provider_signature(body: ReceiptBody, keys: Mapping[str, bytes]) -> None:
    public = _key(keys, body.provider_key_id, ReceiptFault.UNKNOWN_PROVIDER_KEY)
    if not verify_statement(body.statement, provider_signature=body.provider_signature, public=public):
        raise ReceiptError(ReceiptFault.PROVIDER_SIGNATURE, "not made by the provider over this statement")


def _key(keys: Mapping[str, bytes], key_id: str, fault: ReceiptFault) -> bytes:
    public = keys.get(key_id)
    if public is None or signing.key_id(public) != key_id:
        raise ReceiptError(fault, f"no key {key_id}")
    return public


def _check_attempts(body: ReceiptBody) -> None:
    statement = body.statement
    if not body.attempts:
        raise ReceiptError(ReceiptFault.ATTEMPTS, "none listed")
    if any(later.epoch <= earlier.epoch for earlier, later in pairwise(body.attempts)):
        raise ReceiptError(ReceiptFault.ATTEMPTS, "epochs do not rise")
    signed = Attempt(
        lease_id=statement.lease_id,
        epoch=statement.epoch,
        provider_id=statement.provider_id,
        outcome="finished",
        output_tokens=statement.output_tokens,
        compute_ucu=body.attempts[-1].compute_ucu,
    )
    if body.attempts[-1] != signed:
        raise ReceiptError(ReceiptFault.ATTEMPTS, "the last attempt is not the one the provider signed")
    _check_shares(body)


def _check_shares(body: ReceiptBody) -> None:
    """Check what was delivered before the attempt that ended the answer, and that the shares are the bill."""
    statement = body.statement
    if (statement.prefix_tokens is UNSET) != (statement.prefix_ids_sha256 is UNSET):
        raise ReceiptError(ReceiptFault.ATTEMPTS, "the tokens continued from and their hash go together")
    if sum(attempt.output_tokens for attempt in body.attempts[:-1]) != _prefix_tokens(body):
        raise ReceiptError(ReceiptFault.ATTEMPTS, "earlier attempts did not deliver what was continued from")
    shares = [attempt.compute_ucu for attempt in body.attempts]
    if statement.prefix_tokens is UNSET:
        if any(share is not UNSET for share in shares):
            raise ReceiptError(ReceiptFault.ATTEMPTS, "shares of a bill that is not shared")
    elif sum(share for share in shares if share is not UNSET) != body.compute_ucu or UNSET in shares:
        raise ReceiptError(ReceiptFault.COMPUTE, "the attempts' shares are not the bill")


def _prefix_tokens(body: ReceiptBody) -> int:
    found = body.statement.prefix_tokens
    return 0 if found is UNSET else found


def _check_figures(body: ReceiptBody) -> None:
    if body.statement.output_tokens < 1 or body.cached_tokens >= body.statement.prompt_tokens:
        raise ReceiptError(ReceiptFault.TOKENS, "expected output, and fewer cached than prompt tokens")
    if body.raw_flops != body.prefill_flops + body.decode_flops:
        raise ReceiptError(ReceiptFault.COMPUTE, "raw FLOPs are not prefill plus decode")
    if body.compute_ucu > body.quote_ucu:
        raise ReceiptError(ReceiptFault.QUOTE, f"{body.compute_ucu} µCU used, {body.quote_ucu} quoted")
    if (body.provider_seq == 1) != (body.prev_hash == FIRST_PREV_HASH):
        raise ReceiptError(ReceiptFault.CHAIN, "number and previous hash do not fit together")


def _check_compute(body: ReceiptBody, card: ComputeCard) -> None:
    statement = body.statement
    named = (statement.card_hash, statement.model, statement.model_revision)
    if named != (card.card_hash, card.model, card.revision):
        raise ReceiptError(ReceiptFault.CARD, "the statement names another card")
    try:
        used = metering.usage(
            card,
            prompt_tokens=statement.prompt_tokens,
            cached_tokens=body.cached_tokens,
            output_tokens=_prefix_tokens(body) + statement.output_tokens,
        )
    except metering.MeteringError as error:
        raise ReceiptError(ReceiptFault.COMPUTE, str(error)) from error
    stated = (body.prefill_flops, body.decode_flops, body.compute_ucu)
    if stated != (used.prefill_flops, used.decode_flops, used.compute_ucu):
        raise ReceiptError(ReceiptFault.COMPUTE, f"the card gives {used.compute_ucu} µCU")
    if statement.prefix_tokens is not UNSET:
        _check_shares_by(card, body)


def _check_shares_by(card: ComputeCard, body: ReceiptBody) -> None:
    due = shares.shares_ucu(
        card,
        prompt_tokens=body.statement.prompt_tokens,
        cached_tokens=body.cached_tokens,
        output_tokens=[attempt.output_tokens for attempt in body.attempts],
    )
    if [attempt.compute_ucu for attempt in body.attempts] != due:
        raise ReceiptError(ReceiptFault.COMPUTE, f"the card shares the bill as {due} µCU")


def _check_link(previous: VerifiedReceipt, body: ReceiptBody) -> None:
    if body.statement.provider_id != previous.body.statement.provider_id:
        raise ReceiptError(ReceiptFault.CHAIN, "receipts of different providers")
    if body.provider_seq != previous.body.provider_seq + 1:
        raise ReceiptError(ReceiptFault.CHAIN, f"number {previous.body.provider_seq + 1} is missing")
    if body.prev_hash != previous.receipt_hash:
        raise ReceiptError(ReceiptFault.CHAIN, f"number {body.provider_seq} follows another receipt")
