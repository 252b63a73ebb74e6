"""Compute efficiency of models: how much of a generated test they get right, and what it takes them.

Shares are in ppm, FLOPs raw ones of the closed form (`cux.wire.metering`) with nothing cached, times in ms.
"""

from typing import Any, Literal

import msgspec

from cux.wire.fields import Instant

Stratum = Literal["easy", "medium", "hard"]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and where it lies with 95 % confidence (bootstrap over questions)."""

    value: int
    low: int
    high: int


class StratumScore(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the questions of one difficulty, set by the generator's parameters.

    Tokens and times are null where a result was replayed from a table that has none.
    """

    stratum: Stratum
    questions: int
    right: int
    score_ppm: Bounds
    prompt_tokens_mean_milli: int | None
    output_tokens_mean_milli: int | None
    flops_mean: int
    latency_p50_ms: int | None
    latency_p95_ms: int | None


class EfficiencyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint's result. Score and FLOPs are of the everyday mix: 70 % easy, 20 % medium, 10 % hard.

    `score_per_pflop_milli` is in thousandths of a right answer per 10^15 FLOPs. `card_hashes` are those of
    the compute cards that FLOPs are counted by. `instruction` was put after each question; `request` is what
    else was asked for besides model and messages.
    """

    name: str
    model: str
    card_hashes: list[str]
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


class EfficiencyResultView(msgspec.Struct, frozen=True, kw_only=True):
    """A published result: what it came to, who ran it on what, and what it can be recomputed from.

    `method` is `asked` where each question was put to the endpoint, and `replayed` where answers come from a
    committed table of outcomes, `source`. `rows_sha256` is of the rows as `/rows` gives them out;
    `questions_sha256` is of the questions: results with the same one are of the same test.
    """

    efficiency_result_id: str
    entry: EfficiencyEntry
    method: Literal["asked", "replayed"]
    run_by: str
    revision: str
    machine: str
    commit: str
    """The commit of the code that ran it."""
    source: str
    cards: list[dict[str, Any]]
    questions_sha256: str
    rows_sha256: str
    published_at: Instant
