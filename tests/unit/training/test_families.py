"""The families of generated questions: the same questions from the same seeds, in the right words."""

from random import Random

import pytest

from inference.training.dialogue import answer_of, prompt
from inference.training.families import all_families, trained_families, unseen_families
from inference.training.families.base import LEVELS, band

FAMILIES = list(all_families().values())


def test_every_module_with_a_family_is_registered():
    assert list(all_families()) == [
        *("addition", "counting", "facts", "largest", "letters", "lookup"),
        *("register", "sorting", "story", "tally", "winner"),
    ]
    assert [family.name for family in unseen_families()] == ["register", "tally", "winner"]
    assert len(trained_families()) == 8


def test_levels_count_as_bands():
    assert [band(level) for level in LEVELS] == ["easy", "easy", "medium", "hard", "hard"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_seed_gives_one_question(family):
    first, second = (family.question(Random(3), 3) for _ in range(2))
    assert first == second
    assert family.question(Random(4), 3) != first
    assert (first.family, first.level) == (family.name, 3)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_held_out_wordings_never_come_in_training(family):
    usual = {family.question(Random(seed), 2).template for seed in range(200)}
    held_out = {family.question(Random(seed), 2, held_out=True).template for seed in range(200)}
    assert usual == set(range(len(family.templates)))
    assert held_out == {len(family.templates) + place for place in range(len(family.held_out))}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_harder_levels_take_longer_thoughts(family):
    lengths = [
        sum(len(family.question(Random(seed), level).thought) for seed in range(50)) for level in LEVELS
    ]
    assert lengths == sorted(lengths)
    assert lengths[-1] >= 3 * lengths[0]


def test_only_the_right_answer_is_right():
    question = all_families()["addition"].question(Random(1), 2)
    assert question.is_right(question.answer)
    assert question.is_right(f" {question.answer}.\n")
    assert not question.is_right(f"{question.answer}0")
    assert not question.is_right("")


def test_both_modes_share_the_prompt():
    direct = "<|im_start|>user\n1 plus 1?<|im_end|>\n<|im_start|>assistant\n"
    assert prompt("1 plus 1?", "direct") == direct
    assert prompt("1 plus 1?", "think") == direct + "<think>"


def test_the_answer_follows_the_thought():
    assert answer_of("57<|im_end|>") == "57"
    assert answer_of("8+9+0=17; 4+0+1=5</think>57<|im_end|>") == "57"
