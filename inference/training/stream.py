"""The endless stream of training questions: a function of the seed and the step alone, so any step can be
made again, and a run goes on where it stopped by knowing how many steps it took."""

from dataclasses import dataclass
from random import Random
from typing import Final

from inference.training.examples import Encode, Example, example_of
from inference.training.families import trained_families
from inference.training.families.base import LEVELS

LEVEL_WEIGHTS: Final = (5, 5, 4, 3, 3)
"""How often each level comes. Hard questions have the longest thoughts: in tokens they are most of it."""
MISFITS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Stream:
    """Batches of `rows` rows of `width` places, packed so that next to nothing stays empty."""

    seed: int
    rows: int
    width: int

    def examples(self, step: int, encode: Encode) -> list[list[Example]]:
        """The rows of step `step`: questions drawn one by one, each put into the first row with room.

        It ends when `MISFITS_MAX` of them in all found no room.
        """
        random = Random(f"{self.seed}:{step}")  # noqa: S311 (reproducible by design)
        families = trained_families()
        rows: list[list[Example]] = [[] for _ in range(self.rows)]
        room = [self.width] * self.rows
        misfits = 0
        while misfits < MISFITS_MAX:
            family, (level,) = random.choice(families), random.choices(LEVELS, LEVEL_WEIGHTS)
            example = example_of(family.question(random, level), encode)
            row = next((row for row in range(self.rows) if room[row] >= len(example)), None)
            if row is None:
                misfits += 1
                continue
            rows[row].append(example)
            room[row] -= len(example)
        return rows
