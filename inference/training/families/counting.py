"""How often a letter comes in a row of letters."""

from random import Random

from inference.training.families.base import Family, Puzzle

LENGTH = {1: 3, 2: 5, 3: 9, 4: 14, 5: 20}
ALPHABET = "abcde"
"""Letters in the row by level, and what they are drawn from."""


def draw(random: Random, level: int) -> Puzzle:
    """A row of letters; the thought goes through it with the count so far after each letter."""
    row, wanted = random.choices(ALPHABET, k=LENGTH[level]), random.choice(ALPHABET)
    counts = [row[: place + 1].count(wanted) for place in range(len(row))]
    thought = " ".join(f"{letter}{count}" for letter, count in zip(row, counts, strict=True))
    return Puzzle({"wanted": wanted, "row": " ".join(row)}, thought, str(counts[-1]))


FAMILY = Family(
    "counting",
    draw,
    templates=(
        "How many {wanted} in: {row}",
        "Count {wanted} in {row}",
        "How often does {wanted} come in {row}?",
    ),
    held_out=("The letter {wanted} appears how many times in {row}?",),
)
