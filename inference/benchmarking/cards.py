"""Which compute card an endpoint's FLOPs are counted by."""

import json
from pathlib import Path

import msgspec

from cux.wire.card import CardError, ComputeCard
from inference.compute import card_from_config


def card_from_file(path: Path, *, model: str) -> ComputeCard:
    """Return the card in a file: a compute card as the exchange publishes it, or a model's `config.json`.

    Raises CardError: the file is neither, or its model has no formula; OSError.
    """
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise CardError(f"{path} is not JSON") from error
    if not isinstance(found, dict):
        raise CardError(f"{path} is neither a compute card nor a config.json")
    if "decode_weight_milli" in found:
        return ComputeCard.from_payload(found)
    return card_from_config(found, model=model, revision=str(found.get("_commit_hash") or "unknown"))


def with_layers(card: ComputeCard, layers: int) -> ComputeCard:
    """Return the card of a depth tier: the same model at its first `layers` layers.

    Raises CardError unless the model is dense, without a sliding window, and has as many layers.
    """
    if card.moe_layers or card.sliding_layers:
        raise CardError("only dense models without a sliding window have tiers here: give their card")
    if not 1 <= layers <= card.layers:
        raise CardError(f"{card.model} has {card.layers} layers, not {layers}")
    return msgspec.structs.replace(card, layers=layers)
