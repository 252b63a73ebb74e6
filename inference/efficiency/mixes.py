"""Mixes of questions by how hard their generator made them: what share of them is easy, middling and hard."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from inference.efficiency.table import Question

EVERYDAY: Final[Mapping[str, int]] = {"easy": 70, "medium": 20, "hard": 10}
REVERSED: Final[Mapping[str, int]] = {"easy": 10, "medium": 20, "hard": 70}
"""Percent of each band."""


def drawn(
    questions: Sequence[Question],
    mix: Mapping[str, int],
    band: Callable[[int], str],
    *,
    count: int,
    seed: int,
) -> tuple[Question, ...]:
    """Return `count` questions in the mix, each at most once, in an order of the seed's.

    Raises ValueError if a band has too few.
    """
    draw = random.Random(seed)
    chosen: list[Question] = []
    for name, percent in mix.items():
        of_band = [each for each in questions if band(each.level) == name]
        wanted = count * percent // 100
        if len(of_band) < wanted:
            raise ValueError(f"the mix needs {wanted} {name} questions, there are {len(of_band)}")
        chosen += draw.sample(of_band, wanted)
    draw.shuffle(chosen)
    return tuple(chosen)


SAMPLED: Final[Mapping[str, int]] = {"validation": 360, "test": 1_000, "unseen": 270}
"""How many questions of each split the published figures are over."""
SAMPLE_SEED: Final = 1
