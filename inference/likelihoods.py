"""How likely an answer's tokens were, as it is kept and passed on (pure): rows of whole numbers.

A row belongs to each token: its own micro-nats (log-probability times minus a million), then of each of the
likeliest tokens in its place the id and its micro-nats. All rows of an answer have the same width and lie
one after the other. What stands there is the provider's claim.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.money import PPM


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a token was, and the likeliest in its place: (id, micro-nats), likeliest first."""

    token_id: int
    micro_nats: int
    top: tuple[tuple[int, int], ...] = ()


def row_width(sampling: Mapping[str, Any]) -> int:
    """Return how many numbers a token comes with in a job that is sampled so; 0: none are asked for."""
    return 1 + 2 * int(sampling.get("top_logprobs", 0)) if sampling.get("logprobs") else 0


def rows_of(
    ids: Sequence[int],
    logprobs: Sequence[int],
    top_logprobs: Sequence[Sequence[tuple[int, int]]],
    *,
    width: int,
) -> list[int]:
    """Return the rows of these tokens.

    Raises:
        ValueError: they do not have one each, of this width.
    """
    if width == 1 and not top_logprobs:
        rows = list(logprobs)
    else:
        rows = [
            number
            for own, listed in zip(logprobs, top_logprobs, strict=True)
            for number in (own, *(each for pair in listed for each in pair))
        ]
        if any(1 + 2 * len(listed) != width for listed in top_logprobs):
            raise ValueError("Another number of likeliest tokens than was asked for")
    if len(rows) != width * len(ids):
        raise ValueError("Not as many likelihoods as tokens")
    return rows


def read_rows(ids: Sequence[int], rows: Sequence[int], *, width: int) -> Iterator[Likelihood]:
    """Yield what the rows of these tokens say; nothing where there are none."""
    for token, start in zip(ids, range(0, len(rows), width or 1), strict=False):
        pairs = rows[start + 1 : start + width]
        yield Likelihood(token, rows[start], tuple(zip(pairs[::2], pairs[1::2], strict=True)))


def mean_micro_nats(told: Sequence[Likelihood]) -> int | None:
    """Return the mean of these tokens, rounded down; None of no tokens."""
    return sum(each.micro_nats for each in told) // len(told) if told else None


def likelihood_ppm(told: Sequence[Likelihood]) -> int:
    """Return how likely these tokens were, their geometric mean; 0 of no tokens."""
    mean = mean_micro_nats(told)
    return 0 if mean is None else round(PPM * math.exp(-mean / PPM))
