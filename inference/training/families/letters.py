"""First or last letters of words."""

from random import Random

from inference.training.families.base import Family, Puzzle
from inference.training.families.vocabulary import WORDS

COUNT = {1: 1, 2: 2, 3: 4, 4: 7, 5: 10}
"""Words by level."""


def draw(random: Random, level: int) -> Puzzle:
    """Some words; the thought spells out each one's letter."""
    which = random.choice(("first", "last"))
    words = random.sample(WORDS, COUNT[level])
    letters = [word[0] if which == "first" else word[-1] for word in words]
    thought = "; ".join(f"{word} {letter}" for word, letter in zip(words, letters, strict=True))
    return Puzzle({"which": which, "words": " ".join(words)}, thought, " ".join(letters))


FAMILY = Family(
    "letters",
    draw,
    templates=(
        "The {which} letters of: {words}",
        "{words}: give the {which} letters",
        "Write the {which} letter of each: {words}",
    ),
    held_out=("Take the {which} letter of each word: {words}",),
)
