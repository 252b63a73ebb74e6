"""Metering and quotes at the published check figures and at the edges."""

import msgspec
import pytest

from inference.compute import (
    MeteringError,
    card_from_config,
    compute_ucu,
    largest_output_within,
    quote_ucu,
    usage,
)
from tests.unit.compute.configs import LLAMA3_70B
from tests.unit.wire.builders import SMOLLM2


def test_a_chat_of_100_and_100_tokens_is_465_ucu() -> None:
    used = usage(SMOLLM2, prompt_tokens=100, output_tokens=100)
    assert used.raw_flops == 49_634_933_760
    assert (used.prefill_flops, used.decode_flops) == (21_981_487_104, 27_653_446_656)
    assert used.compute_ucu == 465


def test_a_cached_prefix_is_free_but_stays_context() -> None:
    used = usage(SMOLLM2, prompt_tokens=100, cached_tokens=64, output_tokens=100)
    assert used.prefill_flops == 36 * 212_336_640 + 69_120 * 36 * 100 + 56_623_104
    assert used.decode_flops == 27_653_446_656
    assert used.compute_ucu == 451


def test_the_first_token_costs_the_prefill_alone() -> None:
    used = usage(SMOLLM2, prompt_tokens=100, output_tokens=1)
    assert (used.prefill_flops, used.decode_flops, used.compute_ucu) == (21_981_487_104, 0, 22)


def test_nothing_delivered_costs_nothing() -> None:
    used = usage(SMOLLM2, prompt_tokens=100, output_tokens=0)
    assert (used.raw_flops, used.compute_ucu) == (0, 0)


def test_a_window_clamps_the_context_of_the_layers_that_slide() -> None:
    full = usage(SMOLLM2, prompt_tokens=100, output_tokens=3)
    sliding = msgspec.structs.replace(SMOLLM2, sliding_window=10, sliding_layers=15)
    used = usage(sliding, prompt_tokens=100, output_tokens=3)
    assert full.prefill_flops - used.prefill_flops == 34_560 * 100 * 90
    assert full.decode_flops - used.decode_flops == 34_560 * (91 + 92)


def test_experts_work_only_where_active() -> None:
    moe = msgspec.structs.replace(
        SMOLLM2,
        moe_layers=10,
        experts_total=8,
        experts_active=2,
        expert_intermediate_size=100,
        shared_intermediate_size=50,
    )
    dense = usage(SMOLLM2, prompt_tokens=1, output_tokens=1).raw_flops
    used = usage(moe, prompt_tokens=1, output_tokens=1).raw_flops
    assert dense - used == 2 * 10 * 3 * 576 * (1_536 - 250)


def test_a_dense_70b_costs_what_the_architecture_says() -> None:
    """About 0.14 CU per 1,000 prompt tokens and 0.84 per 1,000 output tokens at a context of 2,048."""
    large = card_from_config(LLAMA3_70B, model="m", revision="r")
    assert compute_ucu(large, prompt_tokens=1_000, output_tokens=1) == 139_526
    assert compute_ucu(large, prompt_tokens=1_548, output_tokens=1) == 218_209
    assert compute_ucu(large, prompt_tokens=1_548, output_tokens=1_001) == 1_057_596


@pytest.mark.parametrize(
    ("prompt_tokens", "cached_tokens", "output_tokens"),
    [(0, 0, 1), (-1, 0, 1), (10, 10, 1), (10, -1, 1), (10, 0, -1), (2**31, 0, 2**31)],
)
def test_impossible_counts_are_refused(prompt_tokens: int, cached_tokens: int, output_tokens: int) -> None:
    with pytest.raises(MeteringError):
        usage(SMOLLM2, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, output_tokens=output_tokens)


def test_a_quote_is_the_cost_of_the_whole_cap() -> None:
    assert quote_ucu(SMOLLM2, prompt_tokens=100, max_tokens=100) == 465
    assert quote_ucu(SMOLLM2, prompt_tokens=100, max_tokens=100, cached_tokens=64) == 451


def test_the_longest_answer_a_budget_pays_for() -> None:
    assert largest_output_within(SMOLLM2, prompt_tokens=100, budget_ucu=465) == 100
    assert largest_output_within(SMOLLM2, prompt_tokens=100, budget_ucu=22) == 1
    assert largest_output_within(SMOLLM2, prompt_tokens=100, budget_ucu=21) is None
    assert largest_output_within(SMOLLM2, prompt_tokens=100, budget_ucu=21, cached_tokens=64) == 3
    assert largest_output_within(SMOLLM2, prompt_tokens=100, budget_ucu=0) is None
    with pytest.raises(MeteringError):
        largest_output_within(SMOLLM2, prompt_tokens=0, budget_ucu=465)
