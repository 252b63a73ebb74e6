"""The heads of all providers' receipt chains, as the exchange signs and publishes them every hour.

A receipt vouches for those before it. Who keeps a signed list of heads can show later that a chain was cut
back or begun anew since: a chain that is handed out must reach the head that was published, and hold it in
its place.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from cux.wire import VERSION, canonical, signing
from cux.wire.fields import Digest, Id, Instant, KeyId, Positive, Signature
from cux.wire.verification import ReceiptError, ReceiptFault, VerifiedReceipt

HEADS_DOMAIN = "cux-receipt-heads-v1"


class ReceiptHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider's newest receipt at the moment: its number and its hash."""

    provider_id: Id
    provider_seq: Positive
    receipt_hash: Digest


class ReceiptHeads(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: the head of every chain that has one."""

    version: Literal[1] = VERSION
    published_at: Instant
    heads: list[ReceiptHead]
    exchange_key_id: KeyId


class SignedReceiptHeads(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Heads and the exchange's signature over their canonical bytes."""

    heads: ReceiptHeads
    exchange_signature: Signature


def sign_receipt_heads(
    heads: Sequence[ReceiptHead], *, published_at: str, key: signing.SigningKey
) -> SignedReceiptHeads:
    """Return the heads, in the providers' order, signed by the exchange."""
    ordered = sorted(heads, key=lambda one: one.provider_id)
    body = ReceiptHeads(published_at=published_at, heads=ordered, exchange_key_id=key.key_id)
    return SignedReceiptHeads(
        heads=body, exchange_signature=key.sign(domain=HEADS_DOMAIN, payload=_payload(body)).hex()
    )


def receipt_heads_are_signed(signed: SignedReceiptHeads, exchange_keys: Mapping[str, bytes]) -> bool:
    """Tell whether one of these public keys (by key id), the one that the heads name, signed them."""
    public = exchange_keys.get(signed.heads.exchange_key_id)
    if public is None or signing.key_id(public) != signed.heads.exchange_key_id:
        return False
    signature = signing.decode_signature(signed.exchange_signature)
    return signing.verify(public, domain=HEADS_DOMAIN, payload=_payload(signed.heads), signature=signature)


def check_against_heads(chain: Sequence[VerifiedReceipt], signed: SignedReceiptHeads) -> None:
    """Pass if this chain (checked by `verify_chain`) holds its provider's published head in its place.

    Raises ReceiptError (CHAIN): it ends before that head, begins after it, or holds another receipt there.
    """
    if not chain:
        raise ReceiptError(ReceiptFault.CHAIN, "no receipts")
    provider = chain[0].body.statement.provider_id
    published = next((one for one in signed.heads.heads if one.provider_id == provider), None)
    if published is None:
        return
    held = {one.body.provider_seq: one.receipt_hash for one in chain}
    if held.get(published.provider_seq) != published.receipt_hash:
        raise ReceiptError(ReceiptFault.CHAIN, f"number {published.provider_seq} is not the one published")


def _payload(heads: ReceiptHeads) -> bytes:
    return canonical.encode(msgspec.to_builtins(heads))
