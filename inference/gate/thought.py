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


class ThoughtReader:
    """Parts a reply into thought and answer as it grows; what may begin the end of a thought is held."""

    def __init__(self, *, thinks: bool) -> None:
        """Start before the first text, in the thought if the model was made to think."""
        self._thinks = thinks
        self._held = ""

    def add(self, text: str) -> tuple[str, str]:
        """Return what this text adds to the thought and to the answer."""
        if not self._thinks:
            return "", text
        text = self._held + text
        thought, end, answer = text.partition(END_THINK)
        if end:
            self._thinks, self._held = False, ""
            return thought, answer
        keep = next((size for size in range(len(END_THINK) - 1, 0, -1) if text.endswith(END_THINK[:size])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], ""

    def flush(self) -> str:
        """Return what was held of a thought that has no end."""
        held, self._held = self._held, ""
        return held
