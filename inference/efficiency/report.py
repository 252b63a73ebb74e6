"""The figures of a policy on one mix, all with paired bootstrap intervals (Efron's percentiles)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inference.efficiency.fixed import Point, cheapest_mix_flops
from inference.efficiency.replay import Result
from inference.efficiency.statistics import (
    Interval,
    flops_saved,
    paired,
    score_difference,
    score_per_flop,
)

RESAMPLES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Figures:
    """A policy beside always-maximum and beside what fixed plans can do."""

    score: float
    gflops: float
    flops_saved: Interval
    score_difference: Interval
    score_per_flop: Interval
    vs_best_fixed: Interval


def figures(results: Sequence[Result], fixed: Sequence[Sequence[Result]], maximum: int) -> Figures:
    """Return the figures of `results`; `fixed` has each rung's results of the same questions, of which
    number `maximum` is always-maximum."""
    base = fixed[maximum]
    count = len(results)
    return Figures(
        score=sum(each.right for each in results) / count,
        gflops=sum(each.flops for each in results) / count / 10**9,
        flops_saved=paired(results, base, flops_saved),
        score_difference=paired(results, base, score_difference),
        score_per_flop=paired(results, base, score_per_flop),
        vs_best_fixed=saved_against_fixed(results, fixed),
    )


def saved_against_fixed(results: Sequence[Result], fixed: Sequence[Sequence[Result]]) -> Interval:
    """Return the share of FLOPs saved against the cheapest fixed plan, or mix of two by lot, that scores as
    much; in each resample that plan is looked for anew."""
    rows = range(len(results))
    draw = random.Random(0)
    drawn = sorted(_saved(results, fixed, draw.choices(rows, k=len(results))) for _ in range(RESAMPLES))
    low, high = drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES)]
    return Interval(_saved(results, fixed, rows), low, high)


def _saved(results: Sequence[Result], fixed: Sequence[Sequence[Result]], rows: Sequence[int]) -> float:
    mine = _point("policy", results, rows)
    points = {str(number): _point(str(number), each, rows) for number, each in enumerate(fixed)}
    return 1 - mine.flops / cheapest_mix_flops(points, mine.score)


def _point(name: str, results: Sequence[Result], rows: Sequence[int]) -> Point:
    right = sum(results[row].right for row in rows)
    return Point(name, right / len(rows), sum(results[row].flops for row in rows) / len(rows))
