"""Arrows from letter to letter, to be followed."""

from itertools import pairwise
from random import Random
from string import ascii_lowercase

from inference.training.families.base import Family, Puzzle

SHAPE = {1: (3, 1), 2: (6, 1), 3: (6, 2), 4: (10, 5), 5: (14, 8)}
"""How many arrows there are and how many to follow, by level."""


def draw(random: Random, level: int) -> Puzzle:
    """A path and arrows besides it; the thought numbers the letters along the path."""
    arrows, hops = SHAPE[level]
    letters = random.sample(ascii_lowercase, arrows + 1)
    pairs = list(pairwise(letters))
    at = random.randrange(arrows - hops + 1)
    path = letters[at : at + hops + 1]
    random.shuffle(pairs)
    fields = {
        "arrows": " ".join(f"{left}>{right}" for left, right in pairs),
        "start": path[0],
        "hops": f"{hops} step" + "s" * (hops > 1),
    }
    thought = " ".join(f"{number} {letter};" for number, letter in enumerate(path[1:], start=1))
    return Puzzle(fields, thought.removesuffix(";"), path[-1])


FAMILY = Family(
    "lookup",
    draw,
    templates=(
        "{arrows} From {start} go {hops}.",
        "Arrows: {arrows}. Start at {start}, {hops}.",
        "{arrows} Where from {start} in {hops}?",
    ),
    held_out=("Follow the arrows {arrows} from {start} for {hops}.",),
)
