"""The trusted verifier: an engine of our own, asked for one prefill of a prompt and its answer.

It is a vLLM server that nobody else uses, with the catalogue's own weights (`settings.VERIFIERS`). vLLM
reads no cached prefix for such a request; it is capped, because log-probabilities of all positions take
memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx
import msgspec
from django.conf import settings

from inference.verification.evidence import Position, Sampler

LISTED: Final = 20
"""How many candidates are asked for per position: what vLLM gives without being told otherwise."""
MOST_TOKENS: Final = 8_192
_TIMEOUT: Final = httpx.Timeout(45.0, connect=2.0)


class VerifierError(Exception):
    """The verifier could not be asked, or did not answer: our own affair."""


class TooLongError(VerifierError):
    """Prompt and answer are more than the verifier looks at, today and tomorrow."""


class VerifierSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the verifier of a model is, and the noise that engines which serve it draw with."""

    url: str
    sampler: Sampler = "unknown"


def known_verifiers() -> dict[str, VerifierSettings]:
    """Return the verifiers by model, as `settings.VERIFIERS` (JSON) names them."""
    return msgspec.convert(settings.VERIFIERS, dict[str, VerifierSettings])


class Verifier(Protocol):
    """Whoever can prefill."""

    def prefill(self, *, model: str, prompt: Sequence[int], answer: Sequence[int]) -> list[Position]:
        """Return what the model holds of each token of the answer. Raises VerifierError, TooLongError."""


class _Token(msgspec.Struct):
    logprob: float


class _Choice(msgspec.Struct):
    prompt_logprobs: list[dict[str, _Token] | None]


class _Answer(msgspec.Struct):
    choices: list[_Choice]


@dataclass(frozen=True, slots=True)
class VllmVerifier:
    """A verifier over vLLM's OpenAI-compatible interface."""

    url: str
    transport: httpx.BaseTransport | None = None

    def prefill(self, *, model: str, prompt: Sequence[int], answer: Sequence[int]) -> list[Position]:
        """Return what the model holds of each token of the answer. Raises VerifierError, TooLongError."""
        if len(prompt) + len(answer) > MOST_TOKENS:
            raise TooLongError("too_long")
        body = {
            "model": model,
            "prompt": [*prompt, *answer],
            "max_tokens": 1,
            "temperature": 0,
            "prompt_logprobs": LISTED,
        }
        listed = self._ask(body)[len(prompt) :]
        if len(listed) != len(answer):
            raise VerifierError("not_an_answer")
        return [_position(token, candidates) for token, candidates in zip(answer, listed, strict=True)]

    def _ask(self, body: dict[str, Any]) -> list[dict[str, _Token] | None]:
        try:
            with httpx.Client(
                base_url=self.url, timeout=_TIMEOUT, trust_env=False, transport=self.transport
            ) as client:
                answer = client.post("/v1/completions", json=body).raise_for_status()
            return msgspec.json.decode(answer.content, type=_Answer).choices[0].prompt_logprobs
        except (httpx.HTTPError, msgspec.MsgspecError, IndexError) as error:
            raise VerifierError(f"{type(error).__name__}") from error


def _position(token: int, candidates: dict[str, _Token] | None) -> Position:
    found = {int(other): one.logprob for other, one in (candidates or {}).items()}
    if token not in found:
        raise VerifierError("not_an_answer")
    return Position(token, found)
