"""Which questions the outcome table asks: a number of each family and level for each split, all from seeds.

`train` and `validation` come in the wordings of training; `test` and `unseen` in wordings that neither the
reasoner nor the gate has met, `unseen` from families that were never trained on. Their seeds are sealed: the
hash of the file with them is published before a gate is trained (`docs/efficiency/seeds.sha256`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from inference.training.families import trained_families, unseen_families
from inference.training.families.base import Family, Question

PER_LEVEL: Final[Mapping[str, tuple[int, int, int, int, int]]] = {
    "train": (40, 40, 40, 40, 40),
    "validation": (16, 16, 16, 16, 16),
    "test": (44, 44, 26, 44, 44),
    "unseen": (32, 32, 18, 32, 32),
}
"""How many questions of each family have level 1, 2, … 5."""
OPEN_SEEDS: Final[Mapping[str, int]] = {"train": 1001, "validation": 1002}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its place in the table."""

    id: str
    split: str
    question: Question


def asked(sealed: Mapping[str, int]) -> Iterator[Asked]:
    """Give every question, split by split; `sealed` has the seeds of `test` and `unseen`."""
    seeds = {**OPEN_SEEDS, **sealed}
    for split, per_level in PER_LEVEL.items():
        for family in _families(split):
            for level, count in enumerate(per_level, start=1):
                for number in range(count):
                    draw = Random(f"{seeds[split]}:{family.name}:{level}:{number}")  # noqa: S311
                    question = family.question(draw, level, held_out=split in sealed)
                    yield Asked(f"{split}-{family.name}-{level}-{number}", split, question)


def _families(split: str) -> tuple[Family, ...]:
    return unseen_families() if split == "unseen" else trained_families()
