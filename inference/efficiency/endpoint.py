"""Rows of a run over generated questions, and the entry they come to: score, compute, times.

Score and FLOPs are weighted to a mix of difficulties, so that strata may be asked equally often. Intervals
are bootstrapped within strata (Efron's percentile interval), as the weights are the mix's and not drawn.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

import msgspec

from cux.wire.efficiency import Bounds, EfficiencyEntry, Stratum, StratumScore
from inference.efficiency.mixes import EVERYDAY

RESAMPLES: Final = 2_000
_PPM: Final = 10**6
_PFLOP_MILLI: Final = 10**18
"""Thousandths of a PFLOP⁻¹: right answers per FLOP, times this."""
_STRATA: Final[tuple[Stratum, ...]] = ("easy", "medium", "hard")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one question, and all raw FLOPs that it took."""

    question: str
    family: str
    level: int
    stratum: Stratum
    right: bool
    flops: int


class Reply(Row, frozen=True, kw_only=True):
    """What an endpoint made of one question. FLOPs are of all that was generated for it, nothing cached."""

    answer: str
    """The answer as it was graded."""
    prompt_tokens: int
    output_tokens: int
    latency_ms: int


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What rows come to, weighted to the everyday mix."""

    questions: int
    score_ppm: Bounds
    flops_mean: int
    score_per_pflop_milli: Bounds
    strata: list[StratumScore]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, of whom and how: replies of the same run may be put together."""

    name: str
    base_url: str
    model: str
    card_hash: str
    families: Literal["all", "trained", "unseen"]
    seed: int
    per_cell: int
    instruction: str
    request: str
    concurrency: int


def entry_of(run: Run, replies: Sequence[Reply], *, measured_at: str, seed: int = 0) -> EfficiencyEntry:
    """Return what the replies come to. Raises ValueError if a stratum has none."""
    return EfficiencyEntry(
        name=run.name,
        model=run.model,
        card_hashes=[run.card_hash],
        families=run.families,
        seed=run.seed,
        instruction=run.instruction,
        request=run.request,
        concurrency=run.concurrency,
        measured_at=measured_at,
        **msgspec.structs.asdict(scores_of(replies, seed=seed)),
    )


def scores_of(rows: Sequence[Row], *, seed: int = 0) -> Scores:
    """Return score and compute of rows, in any order. Raises ValueError if a stratum has none."""
    by_stratum = {
        name: sorted((each for each in rows if each.stratum == name), key=lambda each: each.question)
        for name in _STRATA
    }
    if missing := [name for name, of in by_stratum.items() if not of]:
        raise ValueError(f"no replies to {', '.join(missing)} questions")
    pairs = {name: [(each.right, each.flops) for each in of] for name, of in by_stratum.items()}
    draw = random.Random(seed)
    resampled = [
        {name: _total(draw.choices(of, k=len(of))) for name, of in pairs.items()} for _ in range(RESAMPLES)
    ]
    score, flops = _mixed({name: _total(of) for name, of in pairs.items()})
    drawn = [_mixed(each) for each in resampled]
    return Scores(
        questions=len(rows),
        score_ppm=_bounds(score, [each[0] for each in drawn], _PPM),
        flops_mean=round(flops),
        score_per_pflop_milli=_bounds(score / flops, [one / of for one, of in drawn], _PFLOP_MILLI),
        strata=[
            _stratum(name, of, [each[name].right / len(of) for each in resampled])
            for name, of in by_stratum.items()
        ],
    )


@dataclass(frozen=True, slots=True)
class _Total:
    count: int
    right: int
    flops: int


def _total(rows: Sequence[tuple[bool, int]]) -> _Total:
    right, flops = zip(*rows, strict=True)
    return _Total(len(rows), sum(right), sum(flops))


def _mixed(totals: Mapping[Stratum, _Total]) -> tuple[float, float]:
    """Return score and mean FLOPs as if the strata came in the everyday mix."""
    score = sum(EVERYDAY[name] / 100 * of.right / of.count for name, of in totals.items())
    flops = sum(EVERYDAY[name] / 100 * of.flops / of.count for name, of in totals.items())
    return score, flops


def _stratum(name: Stratum, rows: Sequence[Row], drawn: Sequence[float]) -> StratumScore:
    count = len(rows)
    right = sum(each.right for each in rows)
    replies = [each for each in rows if isinstance(each, Reply)]
    times = sorted(each.latency_ms for each in replies)
    return StratumScore(
        stratum=name,
        questions=count,
        right=right,
        score_ppm=_bounds(right / count, drawn, _PPM),
        prompt_tokens_mean_milli=_mean_milli([each.prompt_tokens for each in replies]),
        output_tokens_mean_milli=_mean_milli([each.output_tokens for each in replies]),
        flops_mean=round(sum(each.flops for each in rows) / count),
        latency_p50_ms=percentile(times, 50) if times else None,
        latency_p95_ms=percentile(times, 95) if times else None,
    )


def _mean_milli(counts: Sequence[int]) -> int | None:
    return round(1_000 * sum(counts) / len(counts)) if counts else None


def _bounds(value: float, drawn: Sequence[float], unit: int) -> Bounds:
    ordered = sorted(drawn)
    low, high = ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered))]
    return Bounds(value=round(value * unit), low=round(low * unit), high=round(high * unit))


def percentile(ordered: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile of values that are in order; there is at least one."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
