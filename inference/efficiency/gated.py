"""The gate and the router as a policy over a table: what CUX itself would do with each question.

Compute is counted in FLOPs here, and a right answer is worth a number of them: `Ask` is given one million
FLOPs as its unit of compute, so that all stays in integers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from inference.efficiency.replay import Trial
from inference.gate.network import Gate, Guess
from inference.routing.plan import Ask, Rung, choose, release

UNIT_FLOPS: Final = 10**6
FlopsOf = Callable[[str, int, int], int]
"""(rung, prompt tokens, output tokens) → raw FLOPs of its card."""


@dataclass(frozen=True, slots=True)
class Gated:
    """A policy: the guess chooses the first rung, what the answer looks like whether a next one follows.

    `most_tokens` is each rung's token limit. A question whose words the gate hardly knows goes to `safe`.
    """

    gate: Gate
    flops_of: FlopsOf
    most_tokens: Mapping[str, int]
    ask: Ask
    safe: str
    familiar_ppm: int = 0

    def __call__(self, trial: Trial) -> bool:
        """Return whether the answer kept is right; none is if the cap pays for no rung."""
        prompt = trial.question.prompt
        trial.spend(self.gate.flops(prompt))
        if self.gate.familiar_ppm(prompt) < self.familiar_ppm:
            return trial.ask(self.safe).right
        rungs = self.rungs(self.gate.guess(prompt), trial.question.prompt_tokens)
        rung = choose(rungs, self.ask)
        left = max(each.quote_ucu for each in rungs) if self.ask.cap_ucu is None else self.ask.cap_ucu
        right = False
        while rung is not None:
            outcome = trial.ask(rung.name)
            right = outcome.right
            if self.ask.cap_ucu is not None:
                left -= -(-outcome.flops // UNIT_FLOPS)
            chance = self.gate.evidence[rung.name].right_ppm(
                prior_ppm=rung.correct_ppm,
                confidence_ppm=outcome.confidence_ppm,
                finished=outcome.finished,
            )
            rung = release(rungs, tried=rung, right_ppm=chance, left_ucu=left, ask=self.ask)
        return right

    def rungs(self, guesses: Mapping[str, Guess], prompt_tokens: int) -> list[Rung]:
        """Return what each rung is expected to do and use, in units of compute."""
        made = []
        for name, guess in guesses.items():
            most = self.most_tokens[name]
            expected = self.flops_of(name, prompt_tokens, min(guess.output_tokens, most))
            quote = self.flops_of(name, prompt_tokens, most)
            made.append(
                Rung(
                    name=name,
                    correct_ppm=guess.correct_ppm,
                    expected_ucu=-(-expected // UNIT_FLOPS),
                    quote_ucu=-(-quote // UNIT_FLOPS),
                )
            )
        return made
