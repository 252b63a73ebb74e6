"""The compute card: the versioned, hashed figures from which anyone can recompute a bill.

Symbols in parentheses are those of the FLOP formula in `cux.wire.metering`.
"""

import hashlib
from typing import Any

import msgspec

from cux.wire import canonical

CARD_VERSION = 1
DECODE_WEIGHT_MIN_MILLI = 1_000
DECODE_WEIGHT_MAX_MILLI = 16_000
WEIGHT_BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "fp8": 8, "int8": 8, "int4": 4}
"""Bits of one weight in each precision a card may name."""

_SIZE_MAX = 2**31 - 1
_AT_LEAST_ONE = ("layers", "hidden_size", "query_heads", "kv_heads", "head_dim", "vocab_size")
_AT_LEAST_ZERO = (
    "intermediate_size",
    "moe_layers",
    "experts_total",
    "experts_active",
    "expert_intermediate_size",
    "shared_intermediate_size",
    "sliding_window",
    "sliding_layers",
)


class CardError(ValueError):
    """A compute card is malformed, or a model cannot be described by one."""


class ComputeCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shape and decode weight of one model revision in one precision. A changed card is a new series."""

    version: int = CARD_VERSION
    model: str
    revision: str
    precision: str
    layers: int  # L
    hidden_size: int  # D
    query_heads: int  # q
    kv_heads: int  # kv
    head_dim: int  # d
    intermediate_size: int  # I, of the layers without experts
    vocab_size: int  # V
    moe_layers: int = 0  # layers whose MLP is a mixture of experts
    experts_total: int = 0
    experts_active: int = 0  # E, routed experts per token
    expert_intermediate_size: int = 0  # MI
    shared_intermediate_size: int = 0  # MI·S, all shared experts together
    sliding_window: int = 0  # tokens a sliding layer attends to; 0: no layer slides
    sliding_layers: int = 0
    tied_embeddings: bool = False
    decode_weight_milli: int  # w, thousandths

    def __post_init__(self) -> None:
        _check_text(self)
        _check_sizes(self)
        _check_parts(self)

    @property
    def card_hash(self) -> str:
        """SHA-256 of the card's canonical bytes, in hex: stands on quotes, orders, receipts and invoices."""
        return hashlib.sha256(canonical.encode(self.to_payload())).hexdigest()

    def to_payload(self) -> dict[str, Any]:
        """Return the card as plain data, every field named, in the form that is hashed and published."""
        payload: dict[str, Any] = msgspec.to_builtins(self)
        return payload

    @classmethod
    def from_payload(cls, payload: object) -> "ComputeCard":
        """Return the card that `payload` describes; CardError if it describes none."""
        try:
            return msgspec.convert(payload, cls)
        except msgspec.ValidationError as error:
            raise CardError(str(error)) from error


def _check_text(card: ComputeCard) -> None:
    if card.version != CARD_VERSION:
        raise CardError(f"expected card version {CARD_VERSION}, was {card.version}")
    if not card.model or not card.revision:
        raise CardError("model and revision must be named")
    if card.precision not in WEIGHT_BITS:
        raise CardError(f"unknown precision {card.precision!r}")


def _check_sizes(card: ComputeCard) -> None:
    for names, minimum in ((_AT_LEAST_ONE, 1), (_AT_LEAST_ZERO, 0)):
        for name in names:
            if not minimum <= getattr(card, name) <= _SIZE_MAX:
                raise CardError(f"{name} out of range: {getattr(card, name)}")
    if not DECODE_WEIGHT_MIN_MILLI <= card.decode_weight_milli <= DECODE_WEIGHT_MAX_MILLI:
        raise CardError(f"decode weight out of range: {card.decode_weight_milli}")


def _check_parts(card: ComputeCard) -> None:
    if card.moe_layers > card.layers or card.sliding_layers > card.layers:
        raise CardError("more layers of one kind than layers")
    if (card.sliding_layers > 0) != (card.sliding_window > 0):
        raise CardError("a sliding window and layers that use it go together")
    if card.moe_layers < card.layers and card.intermediate_size == 0:
        raise CardError("layers without experts need an intermediate size")
    if card.moe_layers and not (1 <= card.experts_active <= card.experts_total):
        raise CardError("expected 1 <= active experts <= all experts")
    if card.moe_layers and card.expert_intermediate_size == 0:
        raise CardError("experts need an intermediate size")
    experts = card.experts_total + card.experts_active
    if not card.moe_layers and experts + card.expert_intermediate_size + card.shared_intermediate_size:
        raise CardError("experts without a layer that has them")
