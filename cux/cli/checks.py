"""The checks of a receipt one by one, as a person wants to see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cux.wire.card import ComputeCard
from cux.wire.receipt_heads import SignedReceiptHeads, check_against_heads, receipt_heads_are_signed
from cux.wire.signing import SigningError
from cux.wire.verification import ReceiptError, ReceiptFault, VerifiedReceipt, verify_chain, verify_receipt


class Check(msgspec.Struct, frozen=True):
    """One check; `passed` is None if it was not made."""

    name: str
    passed: bool | None
    detail: str


_ORDER: tuple[tuple[str, frozenset[ReceiptFault]], ...] = (
    ("form", frozenset({ReceiptFault.NOT_CANONICAL, ReceiptFault.MALFORMED})),
    (
        "exchange signature",
        frozenset({ReceiptFault.UNKNOWN_EXCHANGE_KEY, ReceiptFault.EXCHANGE_SIGNATURE}),
    ),
    (
        "provider signature",
        frozenset({ReceiptFault.UNKNOWN_PROVIDER_KEY, ReceiptFault.PROVIDER_SIGNATURE}),
    ),
    ("attempts", frozenset({ReceiptFault.ATTEMPTS})),
    (
        "figures",
        frozenset({ReceiptFault.TOKENS, ReceiptFault.COMPUTE, ReceiptFault.QUOTE, ReceiptFault.CHAIN}),
    ),
)
"""In the order in which `verify_receipt` makes them, which stops at the first that fails."""
_BILL = "bill"
_HEADS = "published heads"
_ON_ITS_WAY: Final = timedelta(minutes=1)
"""How much later than it says a settlement may become visible."""


def check_receipt(
    data: bytes,
    *,
    exchange_keys: Mapping[str, bytes],
    provider_keys: Mapping[str, bytes],
    card: ComputeCard | None,
) -> list[Check]:
    """Return all checks; those after the first that fails are not made, nor is the bill's without a card."""
    try:
        verified = verify_receipt(data, exchange_keys=exchange_keys, provider_keys=provider_keys)
    except (ReceiptError, SigningError) as error:
        return _until(error)
    passed = [Check(name, True, detail) for name, detail in _details(verified).items()]
    if card is None:
        return [*passed, Check(_BILL, None, "no compute card at hand, so the µCU were not recomputed")]
    try:
        verify_receipt(data, exchange_keys=exchange_keys, provider_keys=provider_keys, card=card)
    except ReceiptError as error:
        return [*passed, Check(_BILL, False, str(error))]
    return [*passed, Check(_BILL, True, f"{verified.body.compute_ucu} µCU, recomputed from the compute card")]


def _details(verified: VerifiedReceipt) -> dict[str, str]:
    body = verified.body
    tokens = f"{body.statement.prompt_tokens} + {body.statement.output_tokens} tokens"
    figures = f"{tokens}, {body.compute_ucu} µCU of {body.quote_ucu} quoted, number {body.provider_seq}"
    said = (
        f"canonical, sha256 {verified.receipt_hash}",
        f"key {body.exchange_key_id}",
        f"key {body.provider_key_id}",
        f"{len(body.attempts)}, the last one finished",
        figures,
    )
    return dict(zip([name for name, _ in _ORDER], said, strict=True))


def _until(error: ReceiptError | SigningError) -> list[Check]:
    fault = error.reason if isinstance(error, ReceiptError) else ReceiptFault.MALFORMED
    at = next(index for index, (_, faults) in enumerate(_ORDER) if fault in faults)
    names = [*(name for name, _ in _ORDER), _BILL]
    passed = [Check(name, True, "holds") for name in names[:at]]
    skipped = [Check(name, None, "not reached") for name in names[at + 1 :]]
    return [*passed, Check(names[at], False, str(error)), *skipped]


def check_heads(
    chain: Sequence[bytes],
    signed: SignedReceiptHeads,
    *,
    exchange_keys: Mapping[str, bytes],
    provider_keys: Mapping[str, bytes],
) -> Check:
    """Return whether a receipt, with those that followed it, leads to its provider's published head.

    It fails if the chain is broken, if the head is another receipt, or if the heads were published after the
    receipt was settled and do not reach it: then the chain was cut back or begun anew.
    """
    if not receipt_heads_are_signed(signed, exchange_keys):
        return Check(_HEADS, False, "the heads are not signed by the exchange")
    try:
        verified = verify_chain(chain, exchange_keys=exchange_keys, provider_keys=provider_keys)
        first, last = verified[0].body, verified[-1].body
        named = {head.provider_id: head.provider_seq for head in signed.heads.heads}
        published = named.get(first.statement.provider_id, 0)
        said = f"number {published} was the head at {signed.heads.published_at}"
        if published < first.provider_seq:
            settled = datetime.fromisoformat(first.settled_at) + _ON_ITS_WAY
            is_later = settled >= datetime.fromisoformat(signed.heads.published_at)
            why = (
                "this receipt is newer" if is_later else "this receipt, settled before, is not in that chain"
            )
            return Check(_HEADS, None if is_later else False, f"{said}: {why}")
        if published > last.provider_seq:
            return Check(_HEADS, None, f"{said}: give the receipts up to it with --next to link this one")
        check_against_heads(verified, signed)
    except (ReceiptError, SigningError) as error:
        return Check(_HEADS, False, str(error))
    return Check(_HEADS, True, f"{said}, and this receipt leads to it")
