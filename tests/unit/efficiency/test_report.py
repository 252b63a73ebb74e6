"""Figures beside always-maximum and beside the best of fixed plans, and the setting chosen on validation."""

import pytest

from inference.efficiency.baselines import always, query_oracle
from inference.efficiency.fixed import Point
from inference.efficiency.replay import replay
from inference.efficiency.report import figures, saved_against_fixed
from inference.efficiency.tuning import VALUES, tuned
from tests.unit.efficiency.scene import QUESTIONS, RUNGS

FIXED = [replay(QUESTIONS, always(rung)) for rung in RUNGS]


def test_a_policy_is_held_against_the_maximum_and_against_fixed_plans_by_lot() -> None:
    mine = figures(replay(QUESTIONS, query_oracle(RUNGS)), FIXED, maximum=2)
    # it asks 1, 3, 10 and, where no rung is right, 1 again
    assert (mine.score, mine.gflops) == (0.75, pytest.approx(15 / 4 / 10**9))
    assert mine.flops_saved.value == pytest.approx(1 - 15 / 40)
    assert mine.score_difference.value == 0
    assert mine.score_per_flop.value == pytest.approx(40 / 15)
    assert mine.vs_best_fixed.value == pytest.approx(1 - 15 / 40)
    assert mine.flops_saved.low <= mine.flops_saved.value <= mine.flops_saved.high


def test_a_fixed_plan_saves_nothing_against_itself_in_no_resample() -> None:
    for results in FIXED:
        saved = saved_against_fixed(results, FIXED)
        assert saved.value == 0
        assert saved.high <= 0


def test_the_value_is_the_cheapest_that_is_good_enough_or_else_the_best() -> None:
    def make(value: int):
        return always(RUNGS[2] if value > VALUES[3] else RUNGS[1])

    assert tuned(QUESTIONS, Point("max", 0.75, 10), make)[0] == VALUES[4]
    assert tuned(QUESTIONS, Point("max", 0.5, 10), make)[0] == VALUES[0]
    assert tuned(QUESTIONS, Point("max", 0.9, 10), make)[0] == VALUES[4]
    assert tuned(QUESTIONS, Point("max", 0.509, 10), make)[0] == VALUES[0]  # within a point is equal
    assert tuned(QUESTIONS, Point("max", 0.511, 10), make)[0] == VALUES[4]
