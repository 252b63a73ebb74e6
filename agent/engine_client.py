"""vLLM's completions, from token ids to token ids, streamed."""

from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec

from agent.likelihoods import Logprobs, likelihoods
from agent.sampling import sampling_of
from agent.transport import RefusedError, Transport, TransportError
from cux.wire.agent import Lease
from cux.wire.receipt import FinishReason

TOKEN_S = 120.0
"""How long the engine may take for the next token before the attempt counts as failed."""
FINISH_REASONS = frozenset({"stop", "length", "abort"})


class EngineError(Exception):
    """The engine gave no whole answer; `code` is one of the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Chunk(msgspec.Struct, frozen=True):
    """Token ids as they were sampled, and in the last chunk how the answer ended.

    Where they were asked for, each id's log-probability and the likeliest ids in its place come with it, in
    the protocol's micro-nats.
    """

    ids: list[int]
    finish_reason: FinishReason | None
    logprobs: list[int] = []
    top_logprobs: list[list[tuple[int, int]]] = []


class _Choice(msgspec.Struct):
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    error: dict[str, Any] | None = None


_EVENTS = msgspec.json.Decoder(_Event)


class EngineClient:
    """One vLLM server, asked over its OpenAI-compatible HTTP interface."""

    gives_logprobs = True
    """Whether it can tell how likely its tokens were."""

    def __init__(self, url: str, *, model: str) -> None:
        self.url = url
        self._model = model
        self._transport = Transport(url)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.__aexit__(None, None, None)

    async def is_healthy(self) -> bool:
        """Whether the server answers and its engine lives."""
        try:
            await self._transport.get("/health", read_s=5.0)
        except (TransportError, RefusedError):
            return False
        return True

    async def run(self, lease: Lease) -> AsyncIterator[Chunk]:
        """Yield the answer to `lease` as it is sampled; leaving early aborts it in the engine.

        The ids hold every sampled token, the one that stops the answer included. Raises EngineError.
        """
        async for chunk in self.complete(
            lease.prompt_token_ids + lease.prefix_token_ids,
            max_tokens=lease.max_tokens,
            **sampling_of(lease),
        ):
            yield chunk

    async def complete(self, prompt: list[int], **sampling: Any) -> AsyncIterator[Chunk]:
        """Yield a completion of the token ids `prompt`, sampled as `sampling` says. Raises EngineError."""
        body = {"model": self._model, "prompt": prompt, "stream": True, "return_token_ids": True, **sampling}
        top: int | None = sampling.get("logprobs")
        if top is not None:
            body["return_tokens_as_token_ids"] = True
        finished = False
        try:
            async with self._transport.open(
                "POST", "/v1/completions", content=msgspec.json.encode(body), read_s=TOKEN_S
            ) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data: ") and (chunk := _chunk(line[len("data: ") :], top)):
                        finished = chunk.finish_reason is not None
                        yield chunk
        except RefusedError as error:
            raise EngineError("invalid_request", error.message) from error
        except TransportError as error:
            raise EngineError("engine_failed", str(error)) from error
        if not finished:
            raise EngineError("engine_failed", "the engine ended its answer without a reason")


def _chunk(data: str, top: int | None) -> Chunk | None:
    """The chunk in one server-sent event, if it carries one; EngineError if it carries an error.

    `top`: how many of the likeliest ids it has to tell beside each one; None where nothing was asked.
    """
    if data == "[DONE]":
        return None
    try:
        event = _EVENTS.decode(data)
    except msgspec.MsgspecError as error:
        raise EngineError("engine_failed", f"not an answer of vLLM: {error}") from error
    if event.error is not None:
        raise EngineError("invalid_request", str(event.error.get("message", "")))
    if not event.choices:
        return None
    choice = event.choices[0]
    reason = choice.finish_reason
    if reason is not None and reason not in FINISH_REASONS:
        raise EngineError("engine_failed", f"the engine ended its answer with {reason!r}")
    ids = choice.token_ids or []
    try:
        told = likelihoods(choice.logprobs, ids, top=top)
    except ValueError as error:
        raise EngineError("engine_failed", f"no log-probabilities of vLLM: {error}") from error
    return Chunk(ids, cast("FinishReason | None", reason), *told)
