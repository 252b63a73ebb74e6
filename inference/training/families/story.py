"""Stories in which somebody gets, loses and doubles things."""

from random import Random

from inference.training.families.base import Family, Puzzle
from inference.training.families.vocabulary import ITEMS, NAMES

STEPS = {1: 1, 2: 2, 3: 3, 4: 5, 5: 8}
FIRST_MAX = {1: 9, 2: 9, 3: 19, 4: 19, 5: 19}
"""Events by level, and the largest number of things at the start."""


def draw(random: Random, level: int) -> Puzzle:
    """A start and a few events; each step of the thought is one calculation."""
    name, item = random.choice(NAMES), random.choice(ITEMS)
    value = first = random.randint(3, FIRST_MAX[level])
    events, steps = [], []
    for _ in range(STEPS[level]):
        event, step, value = _event(random, value, doubling=level > 1)
        events.append(event)
        steps.append(step)
    fields = {"name": name, "item": item, "first": str(first), "events": ", ".join(events)}
    return Puzzle(fields, "; ".join(steps), str(value))


def _event(random: Random, value: int, *, doubling: bool) -> tuple[str, str, int]:
    """An event in words, as a calculation, and what is had after it: never below 0."""
    kinds = ["gets"] + ["loses"] * (value > 2) + ["doubles"] * (doubling and 0 < value < 30)
    kind = random.choice(kinds)
    if kind == "doubles":
        return "doubles", f"{value}*2={value * 2}", value * 2
    amount = random.randint(1, min(value, 9) if kind == "loses" else 9)
    sign, after = ("+", value + amount) if kind == "gets" else ("-", value - amount)
    return f"{kind} {amount}", f"{value}{sign}{amount}={after}", after


FAMILY = Family(
    "story",
    draw,
    templates=(
        "{name} has {first} {item}, {events}. How many {item}?",
        "{name} starts with {first} {item}, then {events}. How many now?",
        "{name} owns {first} {item}, {events}. Count the {item}.",
    ),
    held_out=("At first {name} has {first} {item}. Then {name} {events}. How many {item} are left?",),
)
