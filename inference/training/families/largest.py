"""The largest or smallest number of a list."""

from itertools import accumulate
from random import Random

from inference.training.families.base import Family, Puzzle

SHAPE = {1: (2, 2), 2: (4, 2), 3: (6, 3), 4: (10, 3), 5: (14, 3)}
"""How many numbers of how many digits, by level."""


def draw(random: Random, level: int) -> Puzzle:
    """A list; the thought is the best so far after each number."""
    count, digits = SHAPE[level]
    which = random.choice(("largest", "smallest"))
    numbers = random.sample(range(10 ** (digits - 1), 10**digits), count)
    best = list(accumulate(numbers, max if which == "largest" else min))
    fields = {"which": which, "numbers": " ".join(map(str, numbers))}
    return Puzzle(fields, " ".join(map(str, best)), str(best[-1]))


FAMILY = Family(
    "largest",
    draw,
    templates=(
        "The {which} of {numbers}?",
        "Which is the {which}: {numbers}",
        "Find the {which} number: {numbers}",
    ),
    held_out=("Of these numbers, name the {which}: {numbers}",),
)
