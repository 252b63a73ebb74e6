"""Prompts for the recordings: everyday requests, made by seed, so that no two recorded runs share one."""

import random
from typing import Final

_WORDS: Final = " ".join(
    (
        "river mountain bicycle kitchen garden lantern violin harbour winter library engine market castle",
        "island forest planet doctor teacher rabbit bridge camera pencil letter window clock paper candle",
        "orange coffee school desert ocean train village painter sailor robot dragon honey bread stone",
        "mirror feather wagon",
    )
).split()
_ASKS: Final = (
    "Write a short story about a {0} and a {1}.",
    "Explain to a child how a {0} works, and why people compare it to a {1}.",
    "List ten things one can do with a {0} near a {1}, with one sentence for each.",
    "What are the advantages and disadvantages of a {0} made of {1}?",
    "Write a Python function that counts how often '{0}' and '{1}' occur in a text, with comments.",
    "Describe the history of the {0} and what it has to do with the {1}.",
    "Write a letter to a friend who lost a {0} and found a {1}.",
    "Give me a recipe for a dinner named after the {0} and the {1}.",
    "I have {2} {0}s and buy {3} more, then trade every third for a {1}. How many are there? Think.",
    "Compare a {0} with a {1} in a table of five rows, and then summarise it.",
)


SHORTLY: Final = "Answer in one short sentence. "
"""Before a request whose answer ends soon by itself: where a cheat would go on."""


def make_prompts(count: int, seed: int) -> list[str]:
    """Return different requests; another seed gives others."""
    rng = random.Random(seed)
    made: set[str] = set()
    while len(made) < count:
        first, second = rng.sample(_WORDS, 2)
        made.add(rng.choice(_ASKS).format(first, second, rng.randint(3, 99), rng.randint(3, 99)))
    return sorted(made, key=lambda text: rng.random())
