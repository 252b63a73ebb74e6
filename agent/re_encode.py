"""Token ids of a text that grows, by the pinned tokenizer: for servers that stream text alone.

An id is given out once the word it stands in is over, since more text could still change it. The ids are
those that the text encodes to; a model may have spelt it in another way, which nobody can tell from text.
"""

import re
from typing import Protocol

_LAST_WORD = re.compile(r"\s*\S*\Z")


class Encoding(Protocol):
    """What a tokenizer makes of a text: ids, and where each begins and ends in it."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class Tokenizer(Protocol):
    """The part of `tokenizers.Tokenizer` that is needed here."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> Encoding:
        """Encode a text."""
        ...


class UnstableError(Exception):
    """Ids that were given out turned out to be others."""


class ReEncoder:
    """Turns pieces of a text into ids, in order."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._text = ""
        self._given: list[int] = []

    def feed(self, text: str) -> list[int]:
        """Return the ids that are certain now."""
        self._text += text
        match = _LAST_WORD.search(self._text)
        return self._give(match.start() if match else 0)

    def finish(self) -> list[int]:
        """Return the ids of what is left."""
        return self._give(len(self._text))

    def _give(self, until: int) -> list[int]:
        encoded = self._tokenizer.encode(self._text, add_special_tokens=False)
        ids = [token for token, (_, end) in zip(encoded.ids, encoded.offsets, strict=True) if end <= until]
        if ids[: len(self._given)] != self._given:
            raise UnstableError("the text encodes to other ids than those given out")
        fresh = ids[len(self._given) :]
        self._given = ids
        return fresh
