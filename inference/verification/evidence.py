"""Evidence (pure): each token of an answer beside what the reference model would have drawn in its place.

Two figures per token. The *gap* says by how much the token that the model draws with the job's seed beats
the one delivered: 0 for the same token, a few thousandths of a nat for what rounding and batching change,
whole nats where something else chose. It needs the engine's noise, or temperature 0. The *quantile* needs no
seed: how much probability the model gives to likelier tokens; over an honest answer it is uniform, whatever
the model is sure of. Above temperature 1 it cannot be told: too much of it is with tokens not listed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from inference.verification.noise import gumbel, step_seeds

Sampler = Literal["vllm-cpu", "unknown"]
GAP_CAP_MILLI: Final = 4_000
"""Gaps count up to four nats: one strange token should not be all the evidence of a job."""
_NEUTRAL_PPM: Final = 500_000
_NUCLEUS_SLACK: Final = 0.03
_LISTED_MILLI: Final = 1_000


@dataclass(frozen=True, slots=True)
class Draw:
    """How a job's tokens were to be drawn; `sampler` names the engine's noise, if it can be computed here."""

    temperature_milli: int
    top_p_ppm: int
    seed: int
    sampler: Sampler
    end_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Position:
    """The verifier's prefill at one token: log-probabilities of the likeliest, and the token's own."""

    token_id: int
    logprobs: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """One token: gap (milli-nats, None: cannot be told), quantile (ppm, alike), and whether it hid an end.

    `hid_end` means that the model would have ended the answer where the provider went on.
    """

    gap_milli: int | None
    quantile_ppm: int | None
    hid_end: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    token_id: int
    score: float
    mass: float
    above: float
    """Log-probability ÷ temperature; probability at that temperature; that of all likelier ones."""


def answer_evidence(positions: Sequence[Position], draw: Draw) -> list[TokenEvidence]:
    """Return the evidence of an answer's tokens; `positions` are the answer's, from its first token."""
    if draw.temperature_milli == 0:
        return [_greedy(position, draw) for position in positions]
    if draw.sampler == "unknown":
        return [_drawn(position, draw, None) for position in positions]
    seeds = step_seeds(draw.seed, len(positions))
    return [_drawn(position, draw, seed) for position, seed in zip(positions, seeds, strict=True)]


def _greedy(position: Position, draw: Draw) -> TokenEvidence:
    winner = max(position.logprobs, key=lambda token: position.logprobs[token])
    gap = position.logprobs[winner] - position.logprobs[position.token_id]
    return TokenEvidence(_milli(gap), _NEUTRAL_PPM, _hid_end(winner, position, gap, draw))


def _drawn(position: Position, draw: Draw, step_seed: int | None) -> TokenEvidence:
    candidates = _candidates(position, draw.temperature_milli / 1_000)
    top_p = draw.top_p_ppm / 1_000_000
    own = next(one for one in candidates if one.token_id == position.token_id)
    quantile = min(1.0, (own.above + own.mass / 2) / min(1.0, _nucleus_mass(candidates, top_p)))
    quantile_ppm = round(1_000_000 * quantile) if draw.temperature_milli <= _LISTED_MILLI else None
    if step_seed is None:
        return TokenEvidence(None, quantile_ppm, False)
    if own.above > top_p + _NUCLEUS_SLACK:  # it was not to be drawn at all
        return TokenEvidence(GAP_CAP_MILLI, quantile_ppm, False)
    return _matched(position, draw, candidates, step_seed, quantile_ppm)


def _matched(
    position: Position, draw: Draw, candidates: list[_Candidate], step_seed: int, quantile_ppm: int | None
) -> TokenEvidence:
    """Return the evidence with the noise known: who wins among those that were surely in the draw."""
    surely = draw.top_p_ppm / 1_000_000 - _NUCLEUS_SLACK if draw.top_p_ppm < 1_000_000 else math.inf
    totals = {
        one.token_id: one.score + gumbel(step_seed, one.token_id)
        for one in candidates
        if one.above <= max(0.0, surely) or one.token_id == position.token_id
    }
    winner = max(totals, key=lambda token: totals[token])
    gap = totals[winner] - totals[position.token_id]
    return TokenEvidence(_milli(gap), quantile_ppm, _hid_end(winner, position, gap, draw))


def _candidates(position: Position, temperature: float) -> list[_Candidate]:
    """Return the candidates, likeliest first, at the job's temperature.

    What the verifier did not list is at most as likely as the last that it did: at temperatures up to one
    their share is at most that one's, which is taken for it.
    """
    ranked = sorted(position.logprobs.items(), key=lambda item: (-item[1], item[0]))
    weights = [math.exp(logprob / temperature) for _, logprob in ranked]
    listed = math.fsum(math.exp(logprob) for _, logprob in ranked)
    rest = max(0.0, 1.0 - listed) * math.exp(ranked[-1][1] * (1 / temperature - 1))
    total = math.fsum(weights) + rest
    found, above = [], 0.0
    for (token, logprob), weight in zip(ranked, weights, strict=True):
        found.append(_Candidate(token, logprob / temperature, weight / total, above))
        above += weight / total
    return found


def _nucleus_mass(candidates: list[_Candidate], top_p: float) -> float:
    """Return the probability of the smallest set of likeliest tokens that has `top_p` of it."""
    if top_p >= 1.0:
        return 1.0
    kept = [one for one in candidates if one.above < top_p]
    return kept[-1].above + kept[-1].mass if kept[-1] is not candidates[-1] else max(top_p, kept[-1].above)


def _hid_end(winner: int, position: Position, gap: float, draw: Draw) -> bool:
    """Tell whether the model ends the answer here by far more than rounding, and the provider went on."""
    return winner in draw.end_ids and position.token_id not in draw.end_ids and gap > 0.5


def _milli(gap_nats: float) -> int:
    return min(GAP_CAP_MILLI, round(1_000 * gap_nats))
