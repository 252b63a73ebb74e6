"""Things of several colours, counted together. Never trained on."""

from itertools import accumulate
from random import Random

from inference.training.families.base import Family, Puzzle
from inference.training.families.vocabulary import COLOURS, ITEMS

COUNT = {1: 2, 2: 3, 3: 4, 4: 6, 5: 8}
"""Colours by level."""


def draw(random: Random, level: int) -> Puzzle:
    """Numbers of things by colour; the thought adds them one after the other."""
    colours = random.sample(COLOURS, COUNT[level])
    numbers = [random.randint(1, 9) for _ in colours]
    sums = list(accumulate(numbers))
    steps = [
        f"{before}+{number}={after}"
        for before, number, after in zip(sums, numbers[1:], sums[1:], strict=False)
    ]
    listed = ", ".join(f"{number} {colour}" for number, colour in zip(numbers, colours, strict=True))
    return Puzzle({"listed": listed, "item": random.choice(ITEMS)}, "; ".join(steps), str(sums[-1]))


FAMILY = Family(
    "tally",
    draw,
    templates=(
        "There are {listed} {item}. How many {item} in all?",
        "A box holds {listed} {item}. What is the total?",
    ),
    held_out=("Count all the {item}: {listed}.",),
    trained=False,
)
