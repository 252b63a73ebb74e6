"""Cards: derived from configs, hashed, and refused where the formula would not hold."""

from typing import Any

import msgspec
import pytest

from cux.wire import canonical
from inference.compute import CardError, ComputeCard, card_from_config, decode_weight_milli
from tests.unit.compute.configs import LLAMA3_70B, QWEN3_30B_A3B, SMOLLM2_135M


def card(config: dict[str, Any], **changes: Any) -> ComputeCard:
    return card_from_config(config | changes, model="m", revision="r")


def test_smollm2_reads_as_its_figures() -> None:
    assert card(SMOLLM2_135M) == ComputeCard(
        model="m",
        revision="r",
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


def test_decode_weight_of_a_dense_70b_is_as_published() -> None:
    """5,814 is for the vocabulary of 128,256; with one of 32,000 the formula gives 5,827."""
    assert card(LLAMA3_70B).decode_weight_milli == 5_814
    assert card(LLAMA3_70B, vocab_size=32_000).decode_weight_milli == 5_827


@pytest.mark.parametrize(
    ("changes", "precision", "weight_milli"),
    [
        ({}, "fp8", 3_593),
        ({"num_key_value_heads": 1}, "int4", 1_284),
        (
            {"num_key_value_heads": 1, "num_attention_heads": 4_096, "head_dim": 16}
            | {"intermediate_size": 1},
            "int4",
            1_000,
        ),
    ],
)
def test_decode_weight_follows_precision_down_to_its_floor(
    changes: dict[str, Any], precision: str, weight_milli: int
) -> None:
    """The last of these is 939 by the formula."""
    built = card_from_config(LLAMA3_70B | changes, model="m", revision="r", precision=precision)
    assert built.decode_weight_milli == decode_weight_milli(built) == weight_milli


def test_experts_are_counted_total_for_memory_and_active_for_work() -> None:
    moe = card(QWEN3_30B_A3B)
    assert (moe.moe_layers, moe.experts_total, moe.experts_active) == (48, 128, 8)
    assert (moe.expert_intermediate_size, moe.shared_intermediate_size) == (768, 0)
    assert moe.decode_weight_milli == 12_293
    renamed = {key: value for key, value in QWEN3_30B_A3B.items() if key != "num_experts"}
    assert card(renamed, num_local_experts=128) == moe


def test_moe_layers_follow_step_and_exceptions() -> None:
    mixed = card(QWEN3_30B_A3B, decoder_sparse_step=2, mlp_only_layers=[1, 2])
    assert mixed.moe_layers == 23
    shared = card(QWEN3_30B_A3B, model_type="qwen2_moe", shared_expert_intermediate_size=1_536)
    assert shared.shared_intermediate_size == 1_536
    mixtral = card(LLAMA3_70B, model_type="mixtral", num_local_experts=8, num_experts_per_tok=2)
    assert (mixtral.moe_layers, mixtral.expert_intermediate_size) == (80, 28_672)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model_type": "mistral", "sliding_window": 4_096}, (4_096, 30)),
        ({"model_type": "mistral", "sliding_window": None}, (0, 0)),
        ({"model_type": "qwen2", "sliding_window": 4_096}, (0, 0)),
        (
            {
                "model_type": "qwen2",
                "sliding_window": 64,
                "use_sliding_window": True,
                "max_window_layers": 28,
            },
            (64, 2),
        ),
        (
            {"model_type": "qwen3", "sliding_window": 64, "use_sliding_window": True}
            | {"layer_types": ["sliding_attention", "full_attention"] * 15},
            (64, 15),
        ),
        (
            {"model_type": "qwen3", "sliding_window": 64, "use_sliding_window": True}
            | {"layer_types": ["full_attention"] * 30},
            (0, 0),
        ),
    ],
)
def test_sliding_layers_are_those_the_config_uses(changes: dict[str, Any], expected: tuple[int, int]) -> None:
    built = card(SMOLLM2_135M, **changes)
    assert (built.sliding_window, built.sliding_layers) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "mamba"},
        {"model_type": None},
        {"vocab_size": None},
        {"hidden_size": "576"},
        {"hidden_size": 576.0},
        {"num_hidden_layers": 0},
        {"num_attention_heads": 0},
        {"intermediate_size": 0},
        {"model_type": "qwen3_moe"},
        {"vocab_size": True},
    ],
)
def test_a_config_the_formula_does_not_cover_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CardError):
        card(SMOLLM2_135M, **changes)


def test_a_card_survives_its_canonical_bytes() -> None:
    moe = card(QWEN3_30B_A3B)
    assert ComputeCard.from_payload(canonical.decode(canonical.encode(moe.to_payload()))) == moe


def test_the_hash_is_pinned_and_every_field_is_in_it() -> None:
    smol = card(SMOLLM2_135M)
    assert smol.card_hash == "1ead35bf3284fcf61403784a8814766e1aa2b0665900ac58dd6c64dadffadc24"
    changed: dict[str, Any] = {
        name: getattr(smol, name) + 1 for name in ("layers", "hidden_size", "vocab_size")
    }
    changed |= {"model": "x", "revision": "x", "precision": "fp8", "query_heads": 10, "kv_heads": 4}
    changed |= {
        "head_dim": 65,
        "intermediate_size": 1,
        "tied_embeddings": False,
        "decode_weight_milli": 1_000,
    }
    hashes = {msgspec.structs.replace(smol, **{name: value}).card_hash for name, value in changed.items()}
    assert len(hashes | {smol.card_hash}) == len(changed) + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"colour": "red"},
        {"layers": 0},
        {"layers": 30.0},
        {"layers": 2**31},
        {"decode_weight_milli": 999},
        {"decode_weight_milli": 16_001},
        {"precision": "bf16"},
        {"model": ""},
        {"moe_layers": 31},
        {"moe_layers": 1},
        {"experts_total": 8},
        {"sliding_window": 64},
        {"sliding_layers": 1},
    ],
)
def test_an_impossible_payload_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CardError):
        ComputeCard.from_payload(card(SMOLLM2_135M).to_payload() | changes)
