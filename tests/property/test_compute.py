"""The closed form against a sum over single tokens, and what quotes and meters promise."""

from hypothesis import given
from hypothesis import strategies as st

from cux.wire.card import ComputeCard
from inference.compute import compute_ucu, largest_output_within, quote_ucu, usage


@st.composite
def cards(draw: st.DrawFn) -> ComputeCard:
    """Cards of small models of any covered shape: dense or with experts, sliding or not."""
    layers = draw(st.integers(1, 6))
    moe_layers = draw(st.integers(0, layers))
    active = draw(st.integers(1, 4))
    sliding_layers = draw(st.integers(0, layers))
    size = st.integers(1, 64)
    return ComputeCard(
        model="m",
        revision="r",
        precision="bfloat16",
        layers=layers,
        hidden_size=draw(size),
        query_heads=draw(size),
        kv_heads=draw(size),
        head_dim=draw(size),
        intermediate_size=draw(size),
        vocab_size=draw(st.integers(1, 5_000)),
        moe_layers=moe_layers,
        experts_total=active + draw(st.integers(0, 4)) if moe_layers else 0,
        experts_active=active if moe_layers else 0,
        expert_intermediate_size=draw(size) if moe_layers else 0,
        shared_intermediate_size=draw(st.integers(0, 64)) if moe_layers else 0,
        sliding_window=draw(st.integers(1, 40)) if sliding_layers else 0,
        sliding_layers=sliding_layers,
        decode_weight_milli=draw(st.integers(1_000, 16_000)),
    )


@st.composite
def prompts(draw: st.DrawFn) -> tuple[int, int]:
    """Prompt tokens and the cached ones among them."""
    prompt = draw(st.integers(1, 60))
    return prompt, draw(st.integers(0, prompt - 1))


def oracle(card: ComputeCard, prompt: int, cached: int, output: int) -> tuple[int, int]:
    """Sum prefill and decode FLOPs token by token, layer by layer, two per multiply-add."""

    def forward(context: int) -> int:
        total = 0
        for layer in range(card.layers):
            width = card.query_heads * card.head_dim
            total += 2 * card.hidden_size * width  # query
            total += 2 * 2 * card.hidden_size * card.kv_heads * card.head_dim  # key and value
            total += 2 * width * card.hidden_size  # output
            seen = min(context, card.sliding_window) if layer < card.sliding_layers else context
            total += 2 * 2 * width * seen  # scores, and their sum over values
            if layer < card.moe_layers:
                for _ in range(card.experts_active):
                    total += 3 * 2 * card.hidden_size * card.expert_intermediate_size
                total += 3 * 2 * card.hidden_size * card.shared_intermediate_size
            else:
                total += 3 * 2 * card.hidden_size * card.intermediate_size  # up, gate, down
        return total

    logits = 2 * card.hidden_size * card.vocab_size
    prefill = sum(forward(prompt) for _ in range(cached, prompt)) + logits
    decode = sum(forward(position) + logits for position in range(prompt + 1, prompt + output))
    return prefill, decode


@given(cards(), prompts(), st.integers(1, 60))
def test_the_closed_form_is_the_sum_over_tokens(
    card: ComputeCard, prompt: tuple[int, int], output: int
) -> None:
    used = usage(card, prompt_tokens=prompt[0], cached_tokens=prompt[1], output_tokens=output)
    prefill, decode = oracle(card, *prompt, output)
    assert (used.prefill_flops, used.decode_flops) == (prefill, decode)
    assert used.raw_flops == prefill + decode
    exact = 1_000 * prefill + card.decode_weight_milli * decode
    assert (used.compute_ucu - 1) * 10**12 < exact <= used.compute_ucu * 10**12


@given(cards(), prompts(), st.integers(0, 5_000), st.integers(0, 5_000))
def test_no_job_is_metered_above_its_quote(
    card: ComputeCard, prompt: tuple[int, int], output: int, rest: int
) -> None:
    quoted = quote_ucu(card, prompt_tokens=prompt[0], cached_tokens=prompt[1], max_tokens=output + rest)
    metered = compute_ucu(card, prompt_tokens=prompt[0], cached_tokens=prompt[1], output_tokens=output)
    assert metered <= quoted


@given(cards(), st.integers(2, 60), st.integers(1, 200))
def test_a_longer_cached_prefix_never_costs_more(card: ComputeCard, prompt: int, output: int) -> None:
    costs = [
        compute_ucu(card, prompt_tokens=prompt, cached_tokens=cached, output_tokens=output)
        for cached in range(prompt)
    ]
    assert costs == sorted(costs, reverse=True)


@given(cards(), prompts(), st.integers(0, 10_000))
def test_the_largest_output_is_within_budget_and_one_more_is_not(
    card: ComputeCard, prompt: tuple[int, int], budget: int
) -> None:
    def cost(output: int) -> int:
        return compute_ucu(card, prompt_tokens=prompt[0], cached_tokens=prompt[1], output_tokens=output)

    largest = largest_output_within(card, prompt_tokens=prompt[0], cached_tokens=prompt[1], budget_ucu=budget)
    if largest is None:
        assert cost(1) > budget
    else:
        assert cost(largest) <= budget < cost(largest + 1)
