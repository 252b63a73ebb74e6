"""Short lists in order."""

from random import Random

from inference.training.families.base import Family, Puzzle

COUNT = {1: 2, 2: 3, 3: 5, 4: 6, 5: 7}
"""Numbers by level."""


def draw(random: Random, level: int) -> Puzzle:
    """A list of two-digit numbers; the thought takes the least out, again and again, and keeps the rest."""
    numbers = random.sample(range(10, 100), COUNT[level])
    rest, steps = list(numbers), []
    while len(rest) > 1:
        least = min(rest)
        rest.remove(least)
        steps.append(f"{least}: {' '.join(map(str, rest))}")
    return Puzzle(
        {"numbers": " ".join(map(str, numbers))}, "; ".join(steps), " ".join(map(str, sorted(numbers)))
    )


FAMILY = Family(
    "sorting",
    draw,
    templates=("Sort {numbers}", "Put in order: {numbers}", "Arrange from low to high: {numbers}"),
    held_out=("Order these from smallest to largest: {numbers}",),
)
