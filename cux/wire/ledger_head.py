"""The head of the ledger's hash chain, as the exchange signs and publishes it.

Every row of the ledger is in a block, every block's hash in the next one's: who keeps a signed head can show
later that a row below it was changed, whatever the exchange then says.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from cux.wire import VERSION, canonical
from cux.wire.fields import Digest, Instant, KeyId, Positive, Signature
from cux.wire.signing import SigningError, SigningKey, decode_signature, key_id, verify

HEAD_DOMAIN = "cux-ledger-head-v1"


class LedgerHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: the hash of the block at `height`, and when that was published."""

    version: Literal[1] = VERSION
    height: Positive
    hash: Digest
    published_at: Instant
    exchange_key_id: KeyId


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head and the exchange's signature over its canonical bytes."""

    head: LedgerHead
    exchange_signature: Signature


def sign_head(*, height: int, hash: str, published_at: str, key: SigningKey) -> SignedHead:
    """Return the head signed by the exchange."""
    head = LedgerHead(height=height, hash=hash, published_at=published_at, exchange_key_id=key.key_id)
    signature = key.sign(domain=HEAD_DOMAIN, payload=_payload(head))
    return SignedHead(head=head, exchange_signature=signature.hex())


def parse_head(data: bytes) -> SignedHead:
    """Return the head in `data`, as `GET /v1/ledger/head` answers it. Raises msgspec.ValidationError."""
    try:
        return msgspec.json.decode(data, type=SignedHead)
    except msgspec.DecodeError as error:
        raise msgspec.ValidationError(str(error)) from error


def head_is_signed(signed: SignedHead, exchange_keys: Mapping[str, bytes]) -> bool:
    """Tell whether one of these public keys (by key id), the one that the head names, signed it."""
    public = exchange_keys.get(signed.head.exchange_key_id)
    if public is None or key_id(public) != signed.head.exchange_key_id:
        return False
    try:
        signature = decode_signature(signed.exchange_signature)
    except SigningError:
        return False
    return verify(public, domain=HEAD_DOMAIN, payload=_payload(signed.head), signature=signature)


def _payload(head: LedgerHead) -> bytes:
    return canonical.encode(msgspec.to_builtins(head))
