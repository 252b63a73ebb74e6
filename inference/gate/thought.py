"""How a reply that thinks first is written: a thought, its end, and then the answer."""

from collections.abc import Iterable
from typing import Final, Literal

Mode = Literal["direct", "think"]
THINK: Final = "<think>"
END_THINK: Final = "</think>"


def answer_starts(pieces: Iterable[str]) -> int | None:
    """Return the place of the first token after the thought, of a reply's tokens as text; None without one.

    The end of a thought is no token of its own: it is there once the tokens so far spell it.
    """
    written = ""
    for place, piece in enumerate(pieces):
        written += piece
        if END_THINK in written:
            return place + 1
    return None
