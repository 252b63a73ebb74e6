"""What several providers are paid of one answer: exact in sum, and each for its own work."""

from hypothesis import given
from hypothesis import strategies as st

from cux.wire.card import ComputeCard
from cux.wire.metering import UCU_SCALE, decode_flops, prefill_flops
from cux.wire.shares import failed_ucu, shares_ucu
from inference.compute import compute_ucu, quote_ucu
from tests.property.test_compute import cards, prompts
from tests.unit.wire.builders import SMOLLM2

attempts = st.lists(st.integers(0, 40), min_size=1, max_size=5).map(lambda each: [*each, 1 + each[0]])


@given(cards(), prompts(), attempts)
def test_shares_are_the_bill_of_one_answer_and_none_is_below_zero(
    card: ComputeCard, prompt: tuple[int, int], tokens: list[int]
) -> None:
    job = {"prompt_tokens": prompt[0], "cached_tokens": prompt[1]}
    shares = shares_ucu(card, **job, output_tokens=tokens)
    assert sum(shares) == compute_ucu(card, **job, output_tokens=sum(tokens))
    assert sum(shares) <= quote_ucu(card, **job, max_tokens=sum(tokens) + 3)
    assert min(shares) >= 0
    assert all(share == 0 for share, delivered in zip(shares[:-1], tokens[:-1], strict=True) if not delivered)


@given(cards(), prompts(), attempts, st.integers(1, 9))
def test_what_failed_providers_are_paid_is_known_before_the_answer_ends(
    card: ComputeCard, prompt: tuple[int, int], tokens: list[int], more: int
) -> None:
    job = {"prompt_tokens": prompt[0], "cached_tokens": prompt[1]}
    longer = [*tokens[:-1], tokens[-1] + more]
    before = shares_ucu(card, **job, output_tokens=tokens)[:-1]
    assert shares_ucu(card, **job, output_tokens=longer)[:-1] == before


@given(st.integers(1, 300), st.integers(1, 200), st.integers(1, 200))
def test_who_ends_the_answer_is_paid_its_own_prefill_and_decoding(
    prompt: int, delivered: int, own: int
) -> None:
    job = {"prompt_tokens": prompt, "cached_tokens": prompt // 2}
    failed, ended = shares_ucu(SMOLLM2, **job, output_tokens=[delivered, own])
    work = 1_000 * prefill_flops(SMOLLM2, prompt + delivered, 0)
    work += 16_000 * decode_flops(SMOLLM2, prompt + delivered, own)
    if failed:  # else the discount of the cached prompt was more than the failed one had decoded
        assert 0 <= ended - work // UCU_SCALE <= 2
    assert failed == failed_ucu(SMOLLM2, **job, delivered_tokens=delivered)


def test_the_figures_by_hand() -> None:
    # 100 + 100 tokens are 465 µCU. After 40 of them: 40 steps decoded at weight 16, less prefilling 140
    # tokens instead of 100.
    assert shares_ucu(SMOLLM2, prompt_tokens=100, cached_tokens=0, output_tokens=[40, 60]) == [168, 297]
