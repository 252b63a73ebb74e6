"""Policies pay for every answer they look at, and keep the one their rule names."""

import msgspec
import pytest

from inference.efficiency.baselines import (
    always,
    by_family,
    by_length,
    cascade_oracle,
    confidence_cascade,
    query_oracle,
    random_mix,
    self_consistency,
)
from inference.efficiency.replay import Policy, Trial, replay
from inference.efficiency.table import Question
from tests.unit.efficiency.scene import EASY, HARD, QUESTIONS, RUNGS, outcome


def played(policy: Policy) -> list[tuple[bool, int]]:
    return [(each.right, each.flops) for each in replay(QUESTIONS, policy)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (always("think-30"), [(True, 10), (True, 10), (True, 10), (False, 10)]),
        # The hard question's first answer is wrong and looks likely: a cascade believes it.
        (confidence_cascade(RUNGS, 900_000), [(True, 1), (True, 4), (False, 1), (False, 14)]),
        (cascade_oracle(RUNGS), [(True, 1), (True, 4), (True, 14), (False, 1)]),
        (query_oracle(RUNGS), [(True, 1), (True, 3), (True, 10), (False, 1)]),
        (by_length("direct-10", "think-30", longest=30), [(True, 1), (False, 1), (True, 10), (False, 10)]),
        (by_family({"sums": "direct-10"}, "think-30"), [(True, 1), (False, 1), (True, 10), (False, 10)]),
        (random_mix("direct-10", "think-30", large_ppm=10**6, seed=1), played(always("think-30"))),
        (random_mix("direct-10", "think-30", large_ppm=0, seed=1), played(always("direct-10"))),
    ],
    ids=["always", "cascade", "cascade oracle", "query oracle", "length", "family", "all large", "all small"],
)
def test_a_policy_is_scored_and_charged_by_its_rule(policy: Policy, expected: list[tuple[bool, int]]) -> None:
    assert played(policy) == expected


def test_a_mix_asks_the_large_rung_for_its_share() -> None:
    mix = random_mix("direct-10", "think-30", large_ppm=300_000, seed=1)
    flops = sum(each.flops for each in replay([EASY] * 10_000, mix))
    assert (flops - 10_000) // 9 == pytest.approx(3_000, abs=150)


def test_what_is_cut_off_is_not_believed() -> None:
    cut = outcome("direct-10", right=True, finished=False)
    asked = msgspec.structs.replace(EASY, outcomes={**EASY.outcomes, "direct-10": (cut,)})
    (result,) = replay([asked], confidence_cascade(RUNGS, 0))
    assert result.flops == 4


def _sampled(*answers: str) -> Question:
    drawn = tuple(outcome("think-30", right=answer == "42", answer=answer) for answer in answers)
    return msgspec.structs.replace(EASY, outcomes={"think-30": drawn})


@pytest.mark.parametrize(
    ("answers", "right", "samples"),
    [(("42", "42", "7"), True, 2), (("7", "42", "42"), True, 3), (("7", "42", "9", "42"), True, 4)],
)
def test_votes_stop_when_the_last_answers_agree(answers: tuple[str, ...], right: bool, samples: int) -> None:
    (result,) = replay([_sampled(*answers)], self_consistency("think-30", window=2, most=4))
    assert (result.right, result.flops) == (right, 10 * samples)


def test_what_a_policy_computes_itself_is_charged_too() -> None:
    def gated(trial: Trial) -> bool:
        trial.spend(5)
        return trial.ask("direct-10").right

    assert [each.flops for each in replay([EASY, HARD], gated)] == [6, 6]


def test_a_sample_that_was_never_drawn_cannot_be_asked_for() -> None:
    def twice(trial: Trial) -> bool:
        trial.ask("direct-10")
        return trial.ask("direct-10").right

    with pytest.raises(IndexError):
        replay([EASY], twice)
