"""Every family's answer is right: worked out again from the words of the question alone, by other means."""

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.training.families import all_families
from inference.training.families.base import LEVELS, Question
from inference.training.families.vocabulary import CAPITALS, NAMES


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


def addition(text: str) -> str:
    return str(sum(numbers(text)))


def counting(text: str) -> str:
    row = re.search(r"(?:\b[a-e] )+[a-e]\b(?=\W*$)", text)
    assert row
    before = text[: row.start()] + " " if len(row[0]) < len(text) else ""
    (wanted,) = re.findall(r"(?:many|Count|does|letter) ([a-e])\b", before + row[0])
    return str(Counter(row[0].split())[wanted])


def facts(text: str) -> str:
    capitals = [CAPITALS[word] for word in re.findall(r"[A-Z][a-z]+", text) if word in CAPITALS]
    return " ".join(capital[-1] for capital in capitals) if "letter" in text else capitals[0]


def largest(text: str) -> str:
    return str(max(numbers(text)) if "largest" in text else min(numbers(text)))


def letters(text: str) -> str:
    listed = re.search(r"^(?!The|Write|Take)(.*): give|: (.*)$", text)
    assert listed
    place = 0 if "first" in text else -1
    return " ".join(word[place] for word in (listed[1] or listed[2]).split())


def lookup(text: str) -> str:
    goes_to = dict(re.findall(r"\b([a-z])>([a-z])\b", text))
    ((at, hops),) = re.findall(r"(?:[Ff]rom|Start at) ([a-z])\b\D*(\d+) step", text)
    for _ in range(int(hops)):
        at = goes_to[at]
    return str(at)


def register(text: str) -> str:
    first, *rest = re.findall(r"(Start with|Take|Begin at|Add|Subtract) (\d+)", text)
    return str(int(first[1]) + sum(int(n) if verb == "Add" else -int(n) for verb, n in rest))


def sorting(text: str) -> str:
    return " ".join(map(str, sorted(numbers(text))))


def story(text: str) -> str:
    value, *_ = numbers(text)
    for verb, amount in re.findall(r"\b(gets|loses|doubles)(?: (\d+))?", text):
        value = value * 2 if verb == "doubles" else value + int(amount) * (1 if verb == "gets" else -1)
        assert value >= 0
    return str(value)


def tally(text: str) -> str:
    return str(sum(numbers(text)))


def winner(text: str) -> str:
    scores = [int(score) for name, score in re.findall(r"([A-Z][a-z]+) (\d+)", text) if name in NAMES]
    return str(max(scores) if "highest" in text else min(scores))


RECOMPUTED = {rule.__name__: rule for rule in (
    addition, counting, facts, largest, letters, lookup, register, sorting, story, tally, winner
)}  # fmt: skip


def check_calculations(question: Question) -> None:
    """Every calculation that a thought spells out is right."""
    for left, operations, result in re.findall(r"(\d+)((?:[+*-]\d+)+)=(\d+)", question.thought):
        value = int(left)
        for sign, operand in re.findall(r"([+*-])(\d+)", operations):
            value = {"+": value + int(operand), "-": value - int(operand), "*": value * int(operand)}[sign]
        assert value == int(result)


@pytest.mark.parametrize("family", all_families().values(), ids=lambda family: family.name)
@given(seed=st.integers(0, 2**32), level=st.sampled_from(LEVELS), held_out=st.booleans())
def test_the_answer_is_right(family, seed, level, held_out):
    question = family.question(Random(seed), level, held_out=held_out)
    assert question.answer == RECOMPUTED[family.name](question.text)
    assert question.answer.split()[-1].lower()[-1] in question.thought.lower()
    check_calculations(question)
