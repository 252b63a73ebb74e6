"""What may be published: only rows that come out again from the seed, the answers and the card."""

import json
from collections.abc import Sequence
from hashlib import sha256

import msgspec
import pytest

from cux.wire.metering import usage
from inference.benchmarking.questions import Asked, questions_drawn
from inference.benchmarking.recompute import (
    CannotRecomputeError,
    questions_sha256,
    recomputed,
    rows_bytes,
)
from inference.efficiency.endpoint import Reply
from inference.training.families.base import band
from tests.integration.inference.scene import smollm_card
from tests.unit.efficiency.test_endpoint import RUN

CARD = smollm_card("double")
QUESTIONS = questions_drawn(seed=1, per_cell=1, families="unseen")
OWN = msgspec.structs.replace(RUN, families="unseen", per_cell=1, card_hash=CARD.card_hash, model="double")


def honest(asked: Asked, *, right: bool = True) -> Reply:
    question = asked.question
    return Reply(
        question=asked.id,
        family=question.family,
        level=question.level,
        stratum=band(question.level),
        right=right,
        answer=question.answer if right else "no",
        prompt_tokens=20,
        output_tokens=5,
        flops=usage(CARD, prompt_tokens=20, output_tokens=5).raw_flops,
        latency_ms=7,
    )


def rows() -> list[Reply]:
    return [honest(each, right=number % 3 > 0) for number, each in enumerate(QUESTIONS)]


def test_honest_rows_come_out_in_the_order_of_their_questions() -> None:
    made = recomputed(OWN, CARD, QUESTIONS, rows())
    assert [each.question for each in made] == sorted(each.id for each in QUESTIONS)
    assert sum(each.right for each in made) == 10


def with_first(**other: object) -> list[Reply]:
    first, *rest = rows()
    return [msgspec.structs.replace(first, **other), *rest]


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        (with_first(right=True), "has a grade that does not come out"),
        (with_first(flops=rows()[0].flops - 1), "has a count of FLOPs that"),
        (with_first(output_tokens=4), "has a count of FLOPs that"),
        (with_first(prompt_tokens=0), "has a count of tokens or of time"),
        (with_first(latency_ms=-1), "has a count of tokens or of time"),
        (with_first(level=rows()[0].level % 5 + 1), "has a kind of question"),
        (with_first(question="sums-1-99"), "does not ask sums-1-99"),
        (rows()[1:], "1 of 15 questions have no reply"),
        ([*rows(), rows()[0]], "more than one reply"),
    ],
)
def test_what_does_not_come_out_again_is_refused(replies: Sequence[Reply], words: str) -> None:
    with pytest.raises(CannotRecomputeError, match=words):
        recomputed(OWN, CARD, QUESTIONS, replies)


def test_a_run_counted_by_another_card_is_refused() -> None:
    other = msgspec.structs.replace(CARD, layers=10)
    with pytest.raises(CannotRecomputeError, match="another compute card"):
        recomputed(OWN, other, QUESTIONS, rows())


def test_the_same_rows_have_the_same_bytes_in_any_order() -> None:
    lines = rows_bytes(rows())
    assert lines == rows_bytes(rows()[::-1])
    assert [json.loads(line)["question"] for line in lines.splitlines()] == sorted(q.id for q in QUESTIONS)
    assert sha256(rows_bytes(with_first(latency_ms=8))).digest() != sha256(lines).digest()


def test_a_test_is_known_by_its_questions() -> None:
    named = [(each.id, each.question.text) for each in QUESTIONS]
    assert questions_sha256(named) == questions_sha256(named[::-1])
    assert questions_sha256(named) != questions_sha256([(name, text + "?") for name, text in named])
