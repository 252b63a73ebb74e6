"""What the exchange asks of a verifier, and what it makes of the answer."""

import json
from typing import Any

import httpx
import pytest

from inference.verification.evidence import Position
from inference.verifier import (
    MOST_TOKENS,
    TooLongError,
    VerifierError,
    VerifierSettings,
    VllmVerifier,
    known_verifiers,
)


def answering(prompt_logprobs: Any, asked: list[dict[str, Any]] | None = None) -> VllmVerifier:
    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(json.loads(request.content))
        return httpx.Response(200, json={"choices": [{"prompt_logprobs": prompt_logprobs, "text": "x"}]})

    return VllmVerifier("http://verifier.invalid", httpx.MockTransport(answer))


def listed(**logprobs: float) -> dict[str, dict[str, float]]:
    return {token[1:]: {"logprob": logprob, "rank": 1} for token, logprob in logprobs.items()}


def test_one_prefill_tells_of_each_token_of_the_answer() -> None:
    asked: list[dict[str, Any]] = []
    verifier = answering([None, listed(t5=-1.0), listed(t7=-0.5, t9=-1.5), listed(t8=-2.0)], asked)
    found = verifier.prefill(model="m", prompt=[4, 5], answer=[9, 8])
    assert found == [Position(9, {7: -0.5, 9: -1.5}), Position(8, {8: -2.0})]
    assert asked == [
        {"model": "m", "prompt": [4, 5, 9, 8], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 20}
    ]


@pytest.mark.parametrize(
    "prompt_logprobs",
    [[None, listed(t9=-1.0)], [None, None, None], [None, None, listed(t7=-1.0)], "no list"],
    ids=["too few", "nothing listed", "another token", "no answer"],
)
def test_what_does_not_fit_the_answer_is_our_error(prompt_logprobs: Any) -> None:
    with pytest.raises(VerifierError):
        answering(prompt_logprobs).prefill(model="m", prompt=[4, 5], answer=[9])


def test_a_verifier_that_fails_or_is_away_is_our_error() -> None:
    away = httpx.MockTransport(lambda _: httpx.Response(503))
    with pytest.raises(VerifierError, match="HTTPStatusError"):
        VllmVerifier("http://verifier.invalid", away).prefill(model="m", prompt=[4], answer=[9])


def test_what_would_take_too_much_memory_is_not_asked() -> None:
    asked: list[dict[str, Any]] = []
    with pytest.raises(TooLongError):
        answering([], asked).prefill(model="m", prompt=[1] * MOST_TOKENS, answer=[9])
    assert asked == []


def test_verifiers_are_named_by_model(settings: Any) -> None:
    settings.VERIFIERS = {"m": {"url": "http://a"}, "n": {"url": "http://b", "sampler": "vllm-cpu"}}
    assert known_verifiers() == {
        "m": VerifierSettings("http://a", "unknown"),
        "n": VerifierSettings("http://b", "vllm-cpu"),
    }
