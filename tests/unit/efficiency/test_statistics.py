"""Figures are of the same questions for both policies, and their intervals tell luck from gain."""

import pytest

from inference.efficiency.baselines import always, query_oracle, random_mix
from inference.efficiency.replay import replay
from inference.efficiency.statistics import flops_saved, paired, score_difference, score_per_flop
from tests.unit.efficiency.scene import QUESTIONS, RUNGS, question

MANY = [question(f"q{number}", ("+++", "-++", "--+")[number % 3]) for number in range(300)]


def test_figures_are_exact_on_the_whole() -> None:
    mine, base = replay(QUESTIONS, query_oracle(RUNGS)), replay(QUESTIONS, always("think-30"))
    assert paired(mine, base, flops_saved).value == 1 - 15 / 40
    assert paired(mine, base, score_difference).value == 0
    assert paired(mine, base, score_per_flop).value == pytest.approx((3 / 15) / (3 / 40))
    small = replay(QUESTIONS, always("direct-10"))
    assert paired(small, base, score_difference).value == -50


def test_an_interval_holds_its_figure_and_is_the_same_each_time() -> None:
    mine, base = replay(MANY, query_oracle(RUNGS)), replay(MANY, always("think-30"))
    saved = paired(mine, base, flops_saved)
    assert saved == paired(mine, base, flops_saved)
    assert saved.value == pytest.approx(1 - 1_400 / 3_000)
    assert 0.45 < saved.low < saved.value < saved.high < 0.62


def test_a_policy_without_skill_has_an_interval_of_gain_that_includes_nothing() -> None:
    half = [
        replay(MANY, random_mix("direct-10", "think-30", large_ppm=500_000, seed=seed)) for seed in (1, 2)
    ]
    gain = paired(half[0], half[1], score_difference)
    assert gain.low < 0 < gain.high


def test_policies_of_other_questions_are_not_compared() -> None:
    mine, base = replay(MANY, always("direct-10")), replay(MANY[::-1], always("direct-10"))
    for other in (base, base[:10], ()):
        with pytest.raises(ValueError, match="not of the same questions"):
            paired(mine, other, flops_saved)
    with pytest.raises(ValueError, match="not of the same questions"):
        paired((), (), flops_saved)
