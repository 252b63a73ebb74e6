"""Sums of two numbers, digit by digit from the right with the carry."""

from random import Random

from inference.training.families.base import Family, Puzzle

DIGITS = {1: (1, 1), 2: (2, 1), 3: (3, 3), 4: (5, 5), 5: (6, 6)}
"""How many digits the two numbers have, by level."""


def draw(random: Random, level: int) -> Puzzle:
    """Two numbers; each step of the thought is digit + digit + carry."""
    left, right = (random.randrange(10 ** (digits - 1), 10**digits) for digits in DIGITS[level])
    steps, carry = [], 0
    for place in range(DIGITS[level][0]):
        x, y = left // 10**place % 10, right // 10**place % 10
        steps.append(f"{x}+{y}+{carry}={x + y + carry}")
        carry = (x + y + carry) // 10
    return Puzzle({"a": str(left), "b": str(right)}, "; ".join(steps), str(left + right))


FAMILY = Family(
    "addition",
    draw,
    templates=("What is {a} + {b}?", "Add {a} and {b}.", "{a} plus {b}?", "Compute {a} + {b}."),
    held_out=("How much is {a} plus {b}?", "Sum of {a} and {b}?"),
)
