"""Which questions are asked, and what counts as an answer."""

from collections import Counter

import pytest

from inference.benchmarking.questions import answer_read, questions_drawn
from inference.training.families import trained_families, unseen_families


def test_a_seed_names_the_same_questions_in_every_process() -> None:
    first, again = questions_drawn(seed=1, per_cell=2), questions_drawn(seed=1, per_cell=2)
    assert first == again
    assert {each.id: each for each in first} != {
        each.id: each for each in questions_drawn(seed=2, per_cell=2)
    }


def test_every_cell_is_asked_equally_often_in_unseen_wordings() -> None:
    drawn = questions_drawn(seed=1, per_cell=3, families="trained")
    cells = Counter((each.question.family, each.question.level) for each in drawn)
    assert set(cells.values()) == {3}
    assert {family for family, _ in cells} == {family.name for family in trained_families()}
    templates = {family.name: len(family.templates) for family in trained_families()}
    assert all(each.question.template >= templates[each.question.family] for each in drawn)


def test_families_can_be_those_never_trained_on() -> None:
    drawn = questions_drawn(seed=1, per_cell=1, families="unseen")
    assert {each.question.family for each in drawn} == {family.name for family in unseen_families()}


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("57", "57"),
        ("57.", "57"),
        ("<think>8+9=17</think>57", "57"),
        ("8+9=17</think>\n57\n", "57"),
        ("<think>8+9=17", ""),
        ("First I add.\n\n**Answer:** 57", "57"),
        ("The final answer is: $\\boxed{57}$.", "57"),
        ("The answer is Paris.", "Paris"),
        ("answers", "answers"),
        ("", ""),
    ],
)
def test_the_last_line_is_the_answer(reply: str, answer: str) -> None:
    assert answer_read(reply) == answer
