"""Which tokens the caller sees, and how likely they were, as the text grows that he is shown."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from cux.wire.fields import MICRO_NATS_MAX
from inference.engines.tokenizer import ModelTokenizer
from inference.likelihoods import Likelihood

_LEAST: Final = -9999.0
"""What OpenAI writes for a token that is very unlikely."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as bytes, with its natural log-probability."""

    token: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Told:
    """A token that is shown, where it begins in the shown text, and the likeliest in its place."""

    piece: Piece
    offset: int
    top: tuple[Piece, ...]


class Shown:
    """Gives tokens out once the text that they begin is shown.

    Those that a stop sequence cut off are never, nor is the token that ends an answer: it has no text.
    """

    def __init__(self, tokenizer: ModelTokenizer, *, after: int = 0) -> None:
        """Start before the first token; those that begin before the character `after` were given out."""
        self._tokenizer = tokenizer
        self._after = after
        self._waiting: deque[tuple[int, Likelihood]] = deque()
        self._spelt = self._seen = 0

    def spelt(self, likelihood: Likelihood, characters: int) -> None:
        """Take in the next token, which completed so many characters."""
        self._waiting.append((self._spelt, likelihood))
        self._spelt += characters

    def seen(self, characters: int) -> list[Told]:
        """Return the tokens that are shown by so many more characters."""
        self._seen += characters
        given = []
        while self._waiting and self._waiting[0][0] < self._seen:
            offset, likelihood = self._waiting.popleft()
            if offset >= self._after:
                given.append(self._told(offset, likelihood))
        return given

    def _told(self, offset: int, likelihood: Likelihood) -> Told:
        top = tuple(self._piece(token, micro) for token, micro in likelihood.top)
        return Told(self._piece(likelihood.token_id, likelihood.micro_nats), offset, top)

    def _piece(self, token_id: int, micro_nats: int) -> Piece:
        logprob = _LEAST if micro_nats == MICRO_NATS_MAX else -micro_nats / 1_000_000
        return Piece(self._tokenizer.piece(token_id), logprob)
