"""The checks of a receipt one by one, as a person wants to see them."""

from collections.abc import Mapping

import msgspec

from cux.wire.card import ComputeCard
from cux.wire.signing import SigningError
from cux.wire.verification import ReceiptError, ReceiptFault, VerifiedReceipt, verify_receipt


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
