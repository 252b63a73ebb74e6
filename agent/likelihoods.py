"""How likely tokens were: vLLM's floats, by names such as `token_id:7`, as the protocol's micro-nats."""

import math

import msgspec

from cux.wire.fields import MICRO_NATS_MAX

_NAMED = "token_id:"
_MICRO = 1_000_000

Told = tuple[list[int], list[list[tuple[int, int]]]]
"""Of each id its micro-nats, and the likeliest ids in its place with theirs."""


class Logprobs(msgspec.Struct):
    """The log-probabilities of a chunk as OpenAI's completions have them: one entry for each token."""

    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None


def likelihoods(given: Logprobs | None, ids: list[int], *, top: int | None) -> Told:
    """Return what a chunk tells of its ids; nothing where nothing was asked (`top` None).

    Raises ValueError: something is missing, or of other tokens.
    """
    if top is None or not ids:
        return [], []
    if given is None or [_id(name) for name in given.tokens] != ids or len(given.token_logprobs) != len(ids):
        raise ValueError("they are not those of the tokens")
    own = [micro_nats(value) for value in given.token_logprobs]
    if not top:
        return own, []
    listed = given.top_logprobs or []
    if len(listed) != len(ids):
        raise ValueError("the likeliest tokens are missing")
    return own, [_likeliest(candidates or {}, top) for candidates in listed]


def micro_nats(logprob: float | None) -> int:
    """Return a natural log-probability as the protocol has it: negated, in millionths, at most its most.

    Raises ValueError: it is none.
    """
    if logprob is None or math.isnan(logprob):
        raise ValueError("a token has none")
    return max(0, round(min(-logprob * _MICRO, MICRO_NATS_MAX)))


def _likeliest(candidates: dict[str, float], top: int) -> list[tuple[int, int]]:
    # The token that was drawn is listed too, even where it is not among the likeliest.
    ranked = sorted(candidates.items(), key=lambda item: -item[1])[:top]
    if len(ranked) < top:
        raise ValueError(f"{len(ranked)} of {top} likeliest tokens came")
    return [(_id(name), micro_nats(value)) for name, value in ranked]


def _id(name: str) -> int:
    if not name.startswith(_NAMED):
        raise ValueError(f"{name!r} is no token id")
    return int(name.removeprefix(_NAMED))
