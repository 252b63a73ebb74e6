"""The best or worst score of some players. Never trained on."""

from itertools import accumulate
from random import Random

from inference.training.families.base import Family, Puzzle
from inference.training.families.vocabulary import NAMES

COUNT = {1: 2, 2: 3, 3: 5, 4: 8, 5: 12}
"""Players by level."""


def draw(random: Random, level: int) -> Puzzle:
    """Players with scores; the thought is the best so far after each."""
    which = random.choice(("highest", "lowest"))
    players = random.sample(NAMES, COUNT[level])
    scores = random.sample(range(10, 100), len(players))
    best = list(accumulate(scores, max if which == "highest" else min))
    listed = ", ".join(f"{player} {score}" for player, score in zip(players, scores, strict=True))
    return Puzzle({"which": which, "listed": listed}, " ".join(map(str, best)), str(best[-1]))


FAMILY = Family(
    "winner",
    draw,
    templates=("{listed}. What is the {which} score?", "Scores: {listed}. The {which}?"),
    held_out=("Name the {which} of these scores: {listed}.",),
    trained=False,
)
