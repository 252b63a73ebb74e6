"""Fixed plans: the same rung for every question, and the best that can be had by mixing two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.efficiency.baselines import always
from inference.efficiency.replay import Result, replay
from inference.efficiency.table import Question

NEARLY: Final = 0.005
"""How far below the best score a plan may be to count as the maximum: half a point."""


@dataclass(frozen=True, slots=True)
class Point:
    """A plan's mean score and mean FLOPs."""

    name: str
    score: float
    flops: float


def point(name: str, results: Sequence[Result]) -> Point:
    """Return what a policy reached on the whole."""
    count = len(results)
    return Point(
        name, sum(each.right for each in results) / count, sum(each.flops for each in results) / count
    )


def fixed_points(questions: Sequence[Question], rungs: Sequence[str]) -> dict[str, Point]:
    """Return what each rung reaches alone."""
    return {rung: point(rung, replay(questions, always(rung))) for rung in rungs}


def always_maximum(points: Mapping[str, Point]) -> str:
    """Return the cheapest rung within half a point of the best score (chosen on validation)."""
    best = max(each.score for each in points.values())
    enough = [each for each in points.values() if each.score >= best - NEARLY]
    return min(enough, key=lambda each: each.flops).name


def cheapest_mix_flops(points: Mapping[str, Point], score: float) -> float:
    """Return the mean FLOPs at which fixed plans reach `score`: a rung, or two by lot (the convex hull).

    Above every rung's score it is the best one's: more cannot be had of fixed plans.
    """
    score = min(score, max(each.score for each in points.values()))
    enough = [each.flops for each in points.values() if each.score >= score]
    for low in points.values():
        for high in points.values():
            if low.score < score < high.score:
                share = (score - low.score) / (high.score - low.score)
                enough.append(low.flops + share * (high.flops - low.flops))
    return min(enough)
