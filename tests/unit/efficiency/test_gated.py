"""The gate and the router play a question as they would run it: guess, look at the answer, go on."""

from array import array

import pytest

from inference.efficiency.gated import UNIT_FLOPS, Gated
from inference.efficiency.replay import replay
from inference.efficiency.table import Outcome, Question
from inference.gate.evidence import Evidence
from inference.gate.features import BUCKETS, SCALARS, features
from inference.gate.network import Gate, Member
from inference.routing.plan import Ask

DIRECT, THINK = "direct-10", "think-30"
SURE = Evidence(offset=0.0, of_prior=0.0, of_confidence=20.0)  # an answer is believed as far as it is likely


def constant_gate() -> Gate:
    """A gate that gives every question a chance of one half directly and nearly one thinking."""
    member = Member(
        rows=array("f", [0.0] * BUCKETS),
        scalars=array("f", [0.0] * SCALARS),
        bias=array("f", [0.0]),
        weights=array("f", [0.0] * 4),
        offsets=array("f", [0.0, 4.0, 1.0, 3.0]),
    )
    known = array("f", [0.0] * BUCKETS)
    for bucket in features("What is 1 + 1?").buckets:
        known[bucket] = 1.0
    return Gate((member,), known, {DIRECT: SURE, THINK: SURE})


def asked(prompt: str, *, likely: int, finished: bool = True) -> Question:
    def outcome(right: bool, units: int) -> Outcome:
        return Outcome(
            right=right,
            answer="2",
            flops=units * UNIT_FLOPS,
            output_tokens=3,
            confidence_ppm=likely,
            finished=finished,
        )

    outcomes = {DIRECT: (outcome(right=False, units=10),), THINK: (outcome(right=True, units=100),)}
    return Question(
        id=prompt, family="sums", level=1, split="test", prompt=prompt, prompt_tokens=8, outcomes=outcomes
    )


def policy(*, value: int, cap: int | None = None, familiar_ppm: int = 0) -> Gated:
    """Ten units of compute directly and a hundred thinking, at one nano-USD the unit."""
    return Gated(
        constant_gate(),
        lambda rung, _prompt, _output: (10 if rung == DIRECT else 100) * UNIT_FLOPS,
        {DIRECT: 8, THINK: 64},
        Ask(value_nano_usd=value, price_nano_usd_per_cu=10**6, cap_ucu=cap),
        safe=THINK,
        familiar_ppm=familiar_ppm,
    )


GATE_FLOPS = constant_gate().flops("What is 1 + 1?")


@pytest.mark.parametrize(
    ("value", "cap", "question", "units", "right"),
    [
        (150, None, asked("What is 1 + 1?", likely=999_000), 10, False),  # believed
        (150, None, asked("What is 1 + 1?", likely=500_000), 110, True),  # doubted
        (150, None, asked("What is 1 + 1?", likely=999_000, finished=False), 110, True),  # cut off
        (50, None, asked("What is 1 + 1?", likely=500_000), 10, False),  # not worth its price
        (150, 109, asked("What is 1 + 1?", likely=500_000), 10, False),  # nor what the cap would pay
        (10_000, None, asked("What is 1 + 1?", likely=999_000), 100, True),  # dear enough to think at once
    ],
    ids=["believed", "doubted", "cut off", "too dear", "above the cap", "at once"],
)
def test_rungs_follow_while_they_pay(
    value: int, cap: int | None, question: Question, units: int, right: bool
) -> None:
    (result,) = replay([question], policy(value=value, cap=cap))
    assert (result.right, result.flops) == (right, units * UNIT_FLOPS + GATE_FLOPS)


def test_a_cap_too_small_for_any_rung_answers_nothing() -> None:
    (result,) = replay([asked("What is 1 + 1?", likely=1)], policy(value=10_000, cap=9))
    assert (result.right, result.flops) == (False, GATE_FLOPS)


def test_what_the_gate_hardly_knows_goes_to_the_safe_rung() -> None:
    strange = asked("Prove Fermat's last theorem", likely=999_000)
    (result,) = replay([strange], policy(value=50, familiar_ppm=500_000))
    assert result.right
    (known,) = replay([asked("What is 1 + 1?", likely=999_000)], policy(value=50, familiar_ppm=500_000))
    assert not known.right
