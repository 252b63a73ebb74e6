"""Which questions an endpoint is asked, and which of its answers are right."""

import re
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from inference.gate.thought import END_THINK, THINK
from inference.training.families import all_families, trained_families, unseen_families
from inference.training.families.base import LEVELS, Question

FamiliesAsked = Literal["all", "trained", "unseen"]
"""Those the exchange's own reasoner was trained on, those it was not, or both."""
_OPENING: Final = re.compile(r"^(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:?\s+", re.IGNORECASE)
_MARKS: Final = re.compile(r"\\boxed\{([^{}]*)\}|[*`$]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the name it has in any run of the same seed."""

    id: str
    question: Question


def questions_drawn(*, seed: int, per_cell: int, families: FamiliesAsked = "all") -> list[Asked]:
    """Return `per_cell` questions of each family and level, in wordings no training has, in a mixed order."""
    chosen = {
        "all": lambda: tuple(all_families().values()),
        "trained": trained_families,
        "unseen": unseen_families,
    }[families]()
    made = [
        Asked(name, family.question(Random(f"benchmark:{seed}:{name}"), level, held_out=True))  # noqa: S311
        for family in chosen
        for level in LEVELS
        for number in range(per_cell)
        for name in (f"{family.name}-{level}-{number}",)
    ]
    Random(seed).shuffle(made)  # noqa: S311 - so that a run that was cut off has asked a bit of everything
    return made


def answer_read(reply: str) -> str:
    """Return the answer in a reply: its last line, without an opening such as "Answer:" or marks of emphasis.

    What follows a thought counts; a thought that did not end holds no answer.
    """
    if THINK in reply and END_THINK not in reply:
        return ""
    text = reply.rpartition(END_THINK)[2].strip()
    last = text.splitlines()[-1] if text else ""
    plain = _MARKS.sub(lambda found: found[1] or "", last).strip()
    return _OPENING.sub("", plain).strip().removesuffix(".")
