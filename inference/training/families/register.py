"""A number that is added to and taken from, by bare commands. Never trained on."""

from random import Random

from inference.training.families.base import Family, Puzzle

STEPS = {1: 1, 2: 2, 3: 3, 4: 5, 5: 8}
"""Commands by level."""


def draw(random: Random, level: int) -> Puzzle:
    """A start and commands; each step of the thought is one calculation."""
    value = first = random.randint(5, 19)
    commands, steps = [], []
    for _ in range(STEPS[level]):
        adds = value < 10 or random.random() < 0.5
        amount = random.randint(1, 9)
        after = value + amount if adds else value - amount
        commands.append(f"{'Add' if adds else 'Subtract'} {amount}.")
        steps.append(f"{value}{'+' if adds else '-'}{amount}={after}")
        value = after
    return Puzzle({"first": str(first), "commands": " ".join(commands)}, "; ".join(steps), str(value))


FAMILY = Family(
    "register",
    draw,
    templates=(
        "Start with {first}. {commands} What is the result?",
        "Take {first}. {commands} What do you get?",
    ),
    held_out=("Begin at {first}. {commands} Result?",),
    trained=False,
)
