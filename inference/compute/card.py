"""Derive a compute card from a model's Hugging Face `config.json`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cux.wire.card import DECODE_WEIGHT_MIN_MILLI, CardError, ComputeCard
from inference.compute.decode_weight import decode_weight_milli

DENSE_MODELS = frozenset({"llama", "mistral", "qwen2", "qwen3"})
MOE_MODELS = frozenset({"mixtral", "qwen2_moe", "qwen3_moe"})
"""Families whose layers the formula describes: grouped-query attention and a gated MLP of three matrices."""


def card_from_config(
    config: Mapping[str, Any], *, model: str, revision: str, precision: str = "bfloat16"
) -> ComputeCard:
    """Return the card of the model that `config` describes, its decode weight computed.

    Raises CardError for a family the formula does not cover (a wrong formula is a wrong bill), a missing
    size, or an impossible one.
    """
    family = config.get("model_type")
    if family not in DENSE_MODELS | MOE_MODELS:
        raise CardError(f"no formula for model type {family!r}")
    heads = _size(config, "num_attention_heads")
    hidden = _size(config, "hidden_size")
    shape = ComputeCard(
        model=model,
        revision=revision,
        precision=precision,
        layers=_size(config, "num_hidden_layers"),
        hidden_size=hidden,
        query_heads=heads,
        kv_heads=_size(config, "num_key_value_heads", default=heads),
        head_dim=_size(config, "head_dim", default=hidden // max(heads, 1)),
        intermediate_size=_size(config, "intermediate_size"),
        vocab_size=_size(config, "vocab_size"),
        tied_embeddings=bool(config.get("tie_word_embeddings", False)),
        decode_weight_milli=DECODE_WEIGHT_MIN_MILLI,
        **(_experts(config) if family in MOE_MODELS else {}),
        **_sliding(config, family),
    )
    return msgspec.structs.replace(shape, decode_weight_milli=decode_weight_milli(shape))


def _experts(config: Mapping[str, Any]) -> dict[str, int]:
    if config.get("model_type") == "mixtral":
        return {
            "moe_layers": _size(config, "num_hidden_layers"),
            "experts_total": _size(config, "num_local_experts"),
            "experts_active": _size(config, "num_experts_per_tok"),
            "expert_intermediate_size": _size(config, "intermediate_size"),
        }
    step = _size(config, "decoder_sparse_step", default=1)
    dense = set(config.get("mlp_only_layers") or ())
    layers = range(_size(config, "num_hidden_layers"))
    return {
        "moe_layers": sum(1 for layer in layers if layer not in dense and (layer + 1) % step == 0),
        # transformers 5 writes the name that Mixtral had; older files have the other.
        "experts_total": _size(config, "num_experts" if "num_experts" in config else "num_local_experts"),
        "experts_active": _size(config, "num_experts_per_tok"),
        "expert_intermediate_size": _size(config, "moe_intermediate_size"),
        "shared_intermediate_size": _size(config, "shared_expert_intermediate_size", default=0),
    }


def _sliding(config: Mapping[str, Any], family: str) -> dict[str, int]:
    """Return window and number of layers that slide; Qwen configs name a window they may not use."""
    window = config.get("sliding_window") or 0
    if not window or not config.get("use_sliding_window", not family.startswith("qwen")):
        return {}
    layers = _size(config, "num_hidden_layers")
    kinds = config.get("layer_types")
    if kinds is not None:
        sliding = sum(1 for kind in kinds[:layers] if kind == "sliding_attention")
    else:
        # Without a list of kinds Qwen slides from this layer on, other families in all layers.
        sliding = max(0, layers - int(config.get("max_window_layers", 0)))
    return {"sliding_window": int(window), "sliding_layers": sliding} if sliding else {}


def _size(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise CardError(f"config needs a whole number as {name}, was {value!r}")
    return value
