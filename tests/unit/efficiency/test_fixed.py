"""Fixed plans are the bar, and two of them by lot are the honest one."""

import pytest

from inference.efficiency.fixed import Point, always_maximum, cheapest_mix_flops, fixed_points
from inference.efficiency.mixes import EVERYDAY, REVERSED, drawn
from tests.unit.efficiency.scene import QUESTIONS, RUNGS, question

POINTS = {
    "small": Point("small", 0.5, 10),
    "middle": Point("middle", 0.6, 60),
    "large": Point("large", 0.9, 50),
    "huge": Point("huge", 0.904, 200),
}


def band(level: int) -> str:
    return ("easy", "medium", "hard")[level - 1]


def test_each_rung_alone() -> None:
    assert fixed_points(QUESTIONS, RUNGS) == {
        "direct-10": Point("direct-10", 0.25, 1),
        "direct-30": Point("direct-30", 0.5, 3),
        "think-30": Point("think-30", 0.75, 10),
    }


def test_the_maximum_is_the_cheapest_that_is_nearly_best() -> None:
    assert always_maximum(POINTS) == "large"
    assert always_maximum({**POINTS, "huge": Point("huge", 0.906, 200)}) == "huge"


@pytest.mark.parametrize(
    ("score", "flops"), [(0.4, 10), (0.5, 10), (0.7, 30), (0.9, 50), (0.902, 125), (0.904, 200), (1.0, 200)]
)
def test_two_plans_by_lot_reach_what_lies_between_them(score: float, flops: float) -> None:
    assert cheapest_mix_flops(POINTS, score) == pytest.approx(flops)


def test_a_mix_has_its_shares_and_asks_nothing_twice() -> None:
    pool = [question(f"q{number}", "+++", level=number % 3 + 1) for number in range(300)]
    mix = drawn(pool, EVERYDAY, band, count=100, seed=4)
    levels = [each.level for each in mix]
    assert [levels.count(level) for level in (1, 2, 3)] == [70, 20, 10]
    assert len({each.id for each in mix}) == 100
    assert (
        mix
        == drawn(pool, EVERYDAY, band, count=100, seed=4)
        != drawn(pool, EVERYDAY, band, count=100, seed=5)
    )
    with pytest.raises(ValueError, match="needs 140 hard questions, there are 100"):
        drawn(pool, REVERSED, band, count=200, seed=4)
