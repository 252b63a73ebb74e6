"""How likely tokens were, in the two shapes that OpenAI has for it."""

from collections.abc import Sequence
from typing import Any

from inference.engines.told import Piece, Told


def chat_logprobs(told: Sequence[Told]) -> dict[str, Any]:
    """Return `logprobs` of a chat's choice."""
    content = [{**_entry(each.piece), "top_logprobs": [_entry(one) for one in each.top]} for each in told]
    return {"content": content, "refusal": None}


def text_logprobs(told: Sequence[Told]) -> dict[str, Any]:
    """Return `logprobs` of a plain completion's choice; the drawn token is among the likeliest listed."""
    return {
        "tokens": [_text(each.piece) for each in told],
        "token_logprobs": [each.piece.logprob for each in told],
        "top_logprobs": [_listed(each) for each in told] if any(each.top for each in told) else None,
        "text_offset": [each.offset for each in told],
    }


def _entry(piece: Piece) -> dict[str, Any]:
    return {"token": _text(piece), "logprob": piece.logprob, "bytes": list(piece.token)}


def _listed(each: Told) -> dict[str, float]:
    found: dict[str, float] = {}
    for piece in (*each.top, each.piece):  # where two read alike, the likelier one stays
        found.setdefault(_text(piece), piece.logprob)
    return found


def _text(piece: Piece) -> str:
    """Return a token as text; bytes that are no whole character are written as `\\xf0`, as OpenAI does."""
    return piece.token.decode(errors="backslashreplace")
