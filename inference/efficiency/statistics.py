"""Figures of policies with intervals: a paired bootstrap over questions (Efron's percentile interval).

All policies are resampled with the same questions, so that what a question costs everybody cancels out.
"""

import random
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from inference.efficiency.replay import Result


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the same questions of two policies: this one and the one it is held against."""

    count: int
    right: int
    flops: int
    base_right: int
    base_flops: int


Figure = Callable[[Totals], float]


def flops_saved(totals: Totals) -> float:
    """Return the share of the other policy's FLOPs that this one does without."""
    return 1 - totals.flops / totals.base_flops


def score_difference(totals: Totals) -> float:
    """Return by how many points (percent) this policy's score is above the other's."""
    return 100 * (totals.right - totals.base_right) / totals.count


def score_per_flop(totals: Totals) -> float:
    """Return this policy's right answers per FLOP over the other's."""
    if not totals.base_right or not totals.flops:
        return float("nan")
    return (totals.right / totals.flops) / (totals.base_right / totals.base_flops)


def paired(
    results: Sequence[Result],
    base: Sequence[Result],
    figure: Figure,
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """Return the figure of `results` held against `base`, with its interval.

    Raises ValueError if the two are not of the same questions in the same order, or there are none.
    """
    if not results or [each.question.id for each in results] != [each.question.id for each in base]:
        raise ValueError("the two results are not of the same questions")
    rows = [
        (mine.right, mine.flops, other.right, other.flops) for mine, other in zip(results, base, strict=True)
    ]
    drawn = sorted(
        figure(_totals([rows[i] for i in sample])) for sample in _samples(len(rows), resamples, seed)
    )
    low, high = drawn[int(0.025 * resamples)], drawn[min(resamples - 1, int(0.975 * resamples))]
    return Interval(figure(_totals(rows)), low, high)


def _totals(rows: Sequence[tuple[bool, int, bool, int]]) -> Totals:
    right, flops, base_right, base_flops = (sum(column) for column in zip(*rows, strict=True))
    return Totals(len(rows), right, flops, base_right, base_flops)


@lru_cache(maxsize=1)
def _samples(count: int, resamples: int, seed: int) -> tuple[Sequence[int], ...]:
    """Return rows drawn with repetition, the same for all figures of these questions."""
    draw = random.Random(seed)
    return tuple(array("I", draw.choices(range(count), k=count)) for _ in range(resamples))
