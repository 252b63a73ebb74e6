"""Replay a policy over a table: it asks rungs for answers, and pays for every one it looks at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from inference.efficiency.table import Outcome, Question


@dataclass(frozen=True, slots=True)
class Result:
    """What a policy made of one question: whether it was right, and all FLOPs it took."""

    question: Question
    right: bool
    flops: int


@dataclass(slots=True)
class Trial:
    """One question in front of a policy. Answers cost what they cost, kept or not."""

    question: Question
    flops: int = 0
    _asked: dict[str, int] = field(default_factory=dict)

    def ask(self, rung: str) -> Outcome:
        """Return the rung's next answer; a rung that is asked again gives its next sample.

        Raises IndexError if the table has no further sample.
        """
        number = self._asked.get(rung, 0)
        outcome = self.question.outcomes[rung][number]
        self._asked[rung] = number + 1
        self.flops += outcome.flops
        return outcome

    def spend(self, flops: int) -> None:
        """Count compute of the policy's own: a gate, a probe."""
        self.flops += flops


Policy = Callable[[Trial], bool]
"""Asks a trial's rungs and returns whether the answer it keeps is right."""


def replay(questions: Iterable[Question], policy: Policy) -> tuple[Result, ...]:
    """Return what the policy makes of each question."""
    results = []
    for question in questions:
        trial = Trial(question)
        right = policy(trial)
        results.append(Result(question, right, trial.flops))
    return tuple(results)
