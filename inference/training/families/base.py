"""What a family of questions is, and what it makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

LEVELS: Final = (1, 2, 3, 4, 5)
Band = Literal["easy", "medium", "hard"]
_BANDS: Final[Mapping[int, Band]] = {1: "easy", 2: "easy", 3: "medium", 4: "hard", 5: "hard"}


def band(level: int) -> Band:
    """How hard a question of this level counts: by the generator's parameters, not by who answers it."""
    return _BANDS[level]


@dataclass(frozen=True, slots=True)
class Puzzle:
    """One drawn instance: what the wordings are filled with, the worked steps, and the answer."""

    fields: Mapping[str, str]
    thought: str
    answer: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, with the steps that lead to its one right answer."""

    family: str
    level: int
    template: int
    text: str
    thought: str
    answer: str

    def is_right(self, answer: str) -> bool:
        """Tell whether `answer` is the right one; only spaces around it and a last full stop are forgiven."""
        return answer.strip().removesuffix(".") == self.answer


@dataclass(frozen=True, slots=True)
class Family:
    """A seeded source of questions. `held_out` wordings come in tests only, never in training."""

    name: str
    draw: Callable[[Random, int], Puzzle]
    templates: tuple[str, ...]
    held_out: tuple[str, ...]
    trained: bool = True

    def question(self, random: Random, level: int, *, held_out: bool = False) -> Question:
        """Draw a question of `level`; the same state of `random` gives the same question.

        Templates are numbered through, the held-out ones after the others.
        """
        puzzle = self.draw(random, level)
        wordings = self.held_out if held_out else self.templates
        chosen = random.randrange(len(wordings))
        return Question(
            family=self.name,
            level=level,
            template=chosen + (len(self.templates) if held_out else 0),
            text=wordings[chosen].format(**puzzle.fields),
            thought=puzzle.thought,
            answer=puzzle.answer,
        )
