"""Policies that a gate has to beat, from the plainest to those that look at the truth.

Sources: always-small, always-maximum and the per-query oracle are RouterBench's; the confidence cascade is
FrugalGPT's and AutoMix's; adaptive self-consistency stops as ESC does, on a window of answers that agree. The
cascade oracle knows which answers are right, but pays for the wrong ones it tried on the way.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from inference.efficiency.replay import Policy, Trial
from inference.efficiency.table import Outcome


def always(rung: str) -> Policy:
    """Ask the same rung each time: a fixed plan."""
    return lambda trial: trial.ask(rung).right


def confidence_cascade(rungs: Sequence[str], least_ppm: int) -> Policy:
    """Climb the rungs until an answer is finished and as likely as `least_ppm`; keep the last one."""

    def policy(trial: Trial) -> bool:
        for rung in rungs[:-1]:
            outcome = trial.ask(rung)
            if outcome.finished and outcome.confidence_ppm >= least_ppm:
                return outcome.right
        return trial.ask(rungs[-1]).right

    return policy


def self_consistency(rung: str, *, window: int, most: int) -> Policy:
    """Sample one rung until `window` answers in a row agree, or `most` were drawn; keep the commonest."""

    def policy(trial: Trial) -> bool:
        drawn: list[Outcome] = []
        while len(drawn) < most:
            drawn.append(trial.ask(rung))
            last = {outcome.answer for outcome in drawn[-window:]}
            if len(drawn) >= window and len(last) == 1:
                break
        return _vote(drawn).right

    return policy


def cascade_oracle(rungs: Sequence[str]) -> Policy:
    """Climb the rungs until an answer is right; if none is, only the cheapest was asked."""

    def policy(trial: Trial) -> bool:
        if not any(trial.question.outcomes[rung][0].right for rung in rungs):
            return trial.ask(rungs[0]).right
        return any(trial.ask(rung).right for rung in rungs)

    return policy


def query_oracle(rungs: Sequence[str]) -> Policy:
    """Ask only the cheapest rung that is right, or the cheapest of all if none is."""

    def policy(trial: Trial) -> bool:
        outcomes = trial.question.outcomes
        right = [rung for rung in rungs if outcomes[rung][0].right]
        return trial.ask(min(right or rungs, key=lambda rung: outcomes[rung][0].flops)).right

    return policy


def random_mix(small: str, large: str, *, large_ppm: int, seed: int) -> Policy:
    """Ask the large rung for a random share of the questions, the small one for the others."""
    draw = random.Random(seed)
    return lambda trial: trial.ask(large if draw.randrange(10**6) < large_ppm else small).right


def by_length(small: str, large: str, *, longest: int) -> Policy:
    """Ask the small rung if the prompt has at most `longest` tokens, else the large one."""
    return lambda trial: trial.ask(small if trial.question.prompt_tokens <= longest else large).right


def by_family(chosen: Mapping[str, str], otherwise: str) -> Policy:
    """Ask the rung that was best for the question's family: a look-up that senses no difficulty."""
    return lambda trial: trial.ask(chosen.get(trial.question.family, otherwise)).right


def _vote(drawn: Sequence[Outcome]) -> Outcome:
    commonest = Counter(outcome.answer for outcome in drawn).most_common(1)[0][0]
    return next(outcome for outcome in drawn if outcome.answer == commonest)
