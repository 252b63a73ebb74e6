"""Compute efficiency of models: how much of a generated test they get right, and what it takes them.

Shares are in ppm, FLOPs raw ones of the closed form (`cux.wire.metering`) with nothing cached, times in ms.
"""

from typing import Literal

import msgspec

from cux.wire.fields import Instant

Stratum = Literal["easy", "medium", "hard"]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and where it lies with 95 % confidence (bootstrap over questions)."""

    value: int
    low: int
    high: int


class StratumScore(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the questions of one difficulty, set by the generator's parameters."""

    stratum: Stratum
    questions: int
    right: int
    score_ppm: Bounds
    prompt_tokens_mean_milli: int
    output_tokens_mean_milli: int
    flops_mean: int
    latency_p50_ms: int
    latency_p95_ms: int


class EfficiencyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint's result. Score and FLOPs are of the everyday mix: 70 % easy, 20 % medium, 10 % hard.

    `score_per_pflop_milli` is in thousandths of a right answer per 10^15 FLOPs. `instruction` was put after
    each question; `request` is what else was asked for besides model and messages.
    """

    name: str
    model: str
    card_hash: str
    families: str
    seed: int
    instruction: str
    request: str
    concurrency: int
    questions: int
    score_ppm: Bounds
    flops_mean: int
    score_per_pflop_milli: Bounds
    strata: list[StratumScore]
    measured_at: Instant
