"""The ladder's figures: outcomes metered by the tier's card, put together by band; what choosing saves."""

from xml.etree import ElementTree

import pytest

from inference.compute import card_from_config
from inference.engines.depth_tiers import hf_overrides
from inference.training.families.base import Question
from inference.training.ladder_plot import plot
from inference.training.ladder_table import Outcome, markdown, summary
from inference.training.rungs import Reply, questions, whole
from tests.unit.inference.test_flops_check import SMOLLM2

QUESTION = Question("addition", 3, 0, "What is 1 + 2?", "1+2+0=3", "3")


def outcome(
    number: int, level: int, rung: str, *, right: bool, gflops: int, family: str = "story"
) -> Outcome:
    return Outcome(number, family, level, rung, right, 10, gflops * 10**9)


def test_a_reply_is_metered_by_its_tier():
    card = card_from_config(SMOLLM2 | hf_overrides(10), model="m", revision="r")
    got = Outcome.of(QUESTION, Reply(0, 10, "think", "1+2+0=3</think>3", 10, 5), card)
    assert (got.rung, got.is_right, got.output_tokens, got.band) == ("think@10", True, 5, "medium")
    # 14 forwarded tokens through 10 layers, 5 unembeddings, attention over 10 x 10 + 11 + 12 + 13 + 14 places
    assert got.flops == 14 * 70_778_880 + 5 * 56_623_104 + 23_040 * 150


@pytest.mark.parametrize(("text", "kept"), [("1+2=3</think>3", "1+2=3</think>3"), ("1+2=", ""), ("3", "")])
def test_a_thought_without_an_end_holds_no_answer(text, kept):
    assert whole(text, "think") == kept
    assert whole(text, "direct") == text


@pytest.fixture
def table():
    """Easy questions are right on both rungs, medium and one of two hard ones on the dear one."""
    rows = [(0, 1, True, True), (1, 3, False, True), (2, 4, False, False), (3, 5, False, True)]
    outcomes = [
        outcome(number, level, rung, right=right, gflops=gflops, family=family)
        for family in ("story", "tally")
        for number, level, cheap, dear in rows
        for rung, right, gflops in (("direct@10", cheap, 1), ("think@30", dear, 10))
    ]
    return summary(outcomes)


def test_the_mix_weights_bands(table):
    rungs = table["trained"]["rungs"]
    assert rungs["direct@10"]["mix"]["score"] == pytest.approx(0.7)
    assert rungs["think@30"]["mix"]["score"] == pytest.approx(0.7 + 0.2 + 0.1 * 0.5)
    assert rungs["think@30"]["bands"]["hard"] == {
        "n": 2,
        "score": 0.5,
        "output_tokens": 10,
        "gflops": 10,
    }
    assert list(table["unseen"]["rungs"]["think@30"]["cells"]) == ["tally 1", "tally 3", "tally 4", "tally 5"]


def test_what_choosing_saves_is_held_against_the_cheapest_of_the_best(table):
    part = table["trained"]
    assert part["always_maximum"] == "think@30"
    oracle = part["choices"]["by question (oracle)"]
    assert oracle["score"] == part["rungs"]["think@30"]["mix"]["score"]
    assert oracle["gflops"] == pytest.approx(0.7 * 1 + 0.2 * 10 + 0.1 * 5.5)
    assert oracle["saved"] == pytest.approx(1 - 3.25 / 10)


def test_it_can_be_read_and_seen(table):
    text = markdown(table)
    assert "| think@30 | 0.950 | 1.000 | 1.000 | 0.500 | 10.0 | 10.00 |" in text
    assert "| story 3 | 0.00, 1.0 | 1.00, 10.0 |" in text
    assert ElementTree.fromstring(plot(table)).tag.endswith("svg")  # noqa: S314 (our own)


def test_the_questions_of_a_seed_are_the_same_ones_in_any_number():
    few, more = questions(5, 1), questions(5, 2)
    assert len(few) == 11 * 5
    assert few == more[::2]
    assert questions(6, 1) != few
