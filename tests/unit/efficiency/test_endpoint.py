"""What an endpoint's replies come to: weighted to the mix, with intervals."""

import pytest

from cux.wire.efficiency import Bounds, Stratum
from inference.efficiency.endpoint import Reply, Run, entry_of, percentile

RUN = Run(
    name="one",
    base_url="http://x/v1",
    model="m",
    card_hash="c",
    families="all",
    seed=1,
    per_cell=2,
    instruction="",
    request="{}",
    concurrency=1,
)


def reply(number: int, stratum: Stratum, *, right: bool, flops: int, latency_ms: int = 100) -> Reply:
    return Reply(
        question=f"{stratum}-{number}",
        family="sums",
        level=1,
        stratum=stratum,
        right=right,
        answer="7",
        prompt_tokens=20,
        output_tokens=4,
        flops=flops,
        latency_ms=latency_ms,
    )


def replies(easy: str, medium: str, hard: str, flops: tuple[int, int, int]) -> list[Reply]:
    """Make replies; each stratum has a + for a right one, a - for a wrong one."""
    strata: tuple[tuple[Stratum, str], ...] = (("easy", easy), ("medium", medium), ("hard", hard))
    return [
        reply(number, stratum, right=mark == "+", flops=cost, latency_ms=100 * (number + 1))
        for (stratum, marks), cost in zip(strata, flops, strict=True)
        for number, mark in enumerate(marks)
    ]


def test_score_and_compute_are_weighted_to_the_mix() -> None:
    # 0.7 · 1 + 0.2 · 1/2 = 0.8; 0.7 · 10 + 0.2 · 20 + 0.1 · 50 = 16 GFLOP; 0.8 ÷ 16e9 · 1e15 = 50,000
    made = entry_of(RUN, replies("++", "+-", "--", (10**10, 2 * 10**10, 5 * 10**10)), measured_at="now")
    assert (made.score_ppm.value, made.flops_mean) == (800_000, 16 * 10**9)
    assert made.score_per_pflop_milli.value == 50_000_000
    assert [(each.stratum, each.right, each.questions) for each in made.strata] == [
        ("easy", 2, 2),
        ("medium", 1, 2),
        ("hard", 0, 2),
    ]
    assert (made.strata[0].latency_p50_ms, made.strata[0].latency_p95_ms) == (100, 200)
    assert (made.strata[0].prompt_tokens_mean_milli, made.strata[0].output_tokens_mean_milli) == (
        20_000,
        4_000,
    )


def test_intervals_resample_within_strata_and_are_repeatable() -> None:
    rows = replies("+" * 20, "+-" * 10, "-" * 20, (10**9,) * 3)
    made = entry_of(RUN, rows, measured_at="now", seed=3)
    # Only the medium fifth of the mix varies: 0.7 + 0.2 · p.
    assert made.score_ppm.low >= 700_000
    assert made.score_ppm.high <= 900_000
    assert made.score_ppm.low < 800_000 < made.score_ppm.high
    assert made.strata[0].score_ppm == Bounds(value=10**6, low=10**6, high=10**6)
    assert made == entry_of(RUN, rows, measured_at="now", seed=3)


def test_a_stratum_without_replies_is_no_result() -> None:
    with pytest.raises(ValueError, match="no replies to hard questions"):
        entry_of(RUN, replies("+", "+", "", (1, 1, 1)), measured_at="now")


def test_percentiles_are_nearest_ranks() -> None:
    assert [percentile([1, 2, 3, 4], each) for each in (50, 95)] == [2, 4]
    assert percentile([7], 50) == 7
