"""An endpoint's replies to generated questions, and the entry they come to: score, compute, times.

Score and FLOPs are weighted to a mix of difficulties, so that strata may be asked equally often. Intervals
are bootstrapped within strata (Efron's percentile interval), as the weights are the mix's and not drawn.
"""

import random
from collections.abc import Mapping, Sequence
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


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint made of one question."""

    question: str
    family: str
    level: int
    stratum: Stratum
    right: bool
    answer: str
    """The answer as it was graded."""
    prompt_tokens: int
    output_tokens: int
    flops: int
    """Raw FLOPs of all that was generated for it, nothing cached."""
    latency_ms: int


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
    by_stratum = {name: [each for each in replies if each.stratum == name] for name in _STRATA}
    if missing := [name for name, rows in by_stratum.items() if not rows]:
        raise ValueError(f"no replies to {', '.join(missing)} questions")
    rows = {name: [(each.right, each.flops) for each in of] for name, of in by_stratum.items()}
    draw = random.Random(seed)
    resampled = [{name: draw.choices(of, k=len(of)) for name, of in rows.items()} for _ in range(RESAMPLES)]
    score, flops = _mixed(rows)
    drawn = [_mixed(each) for each in resampled]
    return EfficiencyEntry(
        name=run.name,
        model=run.model,
        card_hash=run.card_hash,
        families=run.families,
        seed=run.seed,
        instruction=run.instruction,
        request=run.request,
        concurrency=run.concurrency,
        questions=len(replies),
        score_ppm=_bounds(score, [each[0] for each in drawn], _PPM),
        flops_mean=round(flops),
        score_per_pflop_milli=_bounds(score / flops, [one / of for one, of in drawn], _PFLOP_MILLI),
        strata=[
            _stratum(name, of, [sum(right for right, _ in each[name]) / len(of) for each in resampled])
            for name, of in by_stratum.items()
        ],
        measured_at=measured_at,
    )


def _mixed(rows: Mapping[Stratum, Sequence[tuple[bool, int]]]) -> tuple[float, float]:
    """Return score and mean FLOPs as if the strata came in the everyday mix."""
    score = sum(EVERYDAY[name] / 100 * sum(right for right, _ in of) / len(of) for name, of in rows.items())
    flops = sum(EVERYDAY[name] / 100 * sum(each for _, each in of) / len(of) for name, of in rows.items())
    return score, flops


def _stratum(name: Stratum, replies: Sequence[Reply], drawn: Sequence[float]) -> StratumScore:
    count = len(replies)
    right = sum(each.right for each in replies)
    times = sorted(each.latency_ms for each in replies)
    return StratumScore(
        stratum=name,
        questions=count,
        right=right,
        score_ppm=_bounds(right / count, drawn, _PPM),
        prompt_tokens_mean_milli=round(1_000 * sum(each.prompt_tokens for each in replies) / count),
        output_tokens_mean_milli=round(1_000 * sum(each.output_tokens for each in replies) / count),
        flops_mean=round(sum(each.flops for each in replies) / count),
        latency_p50_ms=percentile(times, 50),
        latency_p95_ms=percentile(times, 95),
    )


def _bounds(value: float, drawn: Sequence[float], unit: int) -> Bounds:
    ordered = sorted(drawn)
    low, high = ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered))]
    return Bounds(value=round(value * unit), low=round(low * unit), high=round(high * unit))


def percentile(ordered: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile of values that are in order; there is at least one."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
