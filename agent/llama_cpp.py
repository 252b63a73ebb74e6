"""llama.cpp's server, asked for token ids by its own interface (`POST /completion`, `return_tokens`).

It streams an event for each token, but none for a token that ends within a character: the next event's
count (`tokens_predicted`) then tells that ids are missing, and they are what its text encodes to
(`POST /tokenize`). An answer whose ids do not add up is failed: what is not known is not delivered.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from agent.engine_client import TOKEN_S, Chunk, EngineClient, EngineError
from agent.transport import RefusedError, TransportError
from cux.wire.receipt import FinishReason

SEEDS = 2**32 - 1
"""Seeds are of 32 bits, and the highest means a random one."""
REASONS: dict[str, FinishReason] = {"eos": "stop", "word": "stop", "limit": "length"}
PLAIN: dict[str, Any] = {"top_k": 0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0}
"""Its own defaults narrow the choice of tokens; a lease says all that may."""
SAMPLERS = ["temperature", "top_p"]
PASSED = ("temperature", "top_p", "stop", "ignore_eos")
"""Penalties are left out: it counts the prompt's tokens too, so its answers would be others."""


class _Event(msgspec.Struct):
    content: str = ""
    tokens: list[int] = []
    stop: bool = False
    stop_type: str = ""
    tokens_predicted: int | None = None
    error: dict[str, Any] | None = None


class _Tokens(msgspec.Struct):
    tokens: list[int]


_EVENTS = msgspec.json.Decoder(_Event)


class LlamaCppClient(EngineClient):
    """One llama.cpp server."""

    gives_logprobs = False

    async def complete(self, prompt: list[int], **sampling: Any) -> AsyncIterator[Chunk]:
        """Yield a completion of the token ids `prompt`, sampled as `sampling` says. Raises EngineError."""
        body = _body(prompt, sampling)
        count = 0
        finished = False
        try:
            async with self._transport.open(
                "POST", "/completion", content=msgspec.json.encode(body), read_s=TOKEN_S
            ) as answer:
                async for line in answer.aiter_lines():
                    if not line.startswith("data: "):
                        continue
                    event = _event(line[len("data: ") :])
                    ids = await self._ids(event, count)
                    count += len(ids)
                    reason = _end(event, count)
                    finished = finished or reason is not None
                    yield Chunk(ids, reason)
        except RefusedError as error:
            raise EngineError("invalid_request", error.message) from error
        except TransportError as error:
            raise EngineError("engine_failed", str(error)) from error
        if not finished:
            raise EngineError("engine_failed", "the engine ended its answer without a reason")

    async def _ids(self, event: _Event, count: int) -> list[int]:
        """The ids that an event brings, those before it that came without an event included."""
        missing = (event.tokens_predicted or 0) - count - len(event.tokens)
        if event.stop or missing <= 0 or not event.tokens:
            return event.tokens
        request = {"content": event.content, "add_special": False, "parse_special": False}
        found = msgspec.json.decode(await self._transport.post("/tokenize", request), type=_Tokens).tokens
        if found == event.tokens:
            return found  # nothing is missing: with speculation the count runs ahead
        if len(found) <= missing or found[-1] != event.tokens[-1]:
            raise EngineError("engine_failed", f"{missing} token ids are missing before {event.content!r}")
        return found[-missing - 1 :]


def _body(prompt: list[int], sampling: dict[str, Any]) -> dict[str, Any]:
    asked = {name: value for name, value in sampling.items() if value is not None}
    limit, seed, bias = asked.pop("max_tokens"), asked.pop("seed", None), asked.pop("logit_bias", None)
    unknown = sorted(asked.keys() - set(PASSED))
    if unknown:
        # As a failure of this engine, so that the job moves to one that can.
        raise EngineError("engine_failed", f"llama.cpp is not asked for {', '.join(unknown)}")
    body = {"prompt": prompt, "n_predict": limit, "stream": True, "return_tokens": True}
    if seed is not None:
        body["seed"] = seed % SEEDS
    if bias:
        body["logit_bias"] = [[int(token), value] for token, value in bias.items()]
    return {**body, **PLAIN, "samplers": SAMPLERS, "cache_prompt": True, **asked}


def _event(data: str) -> _Event:
    try:
        event = _EVENTS.decode(data)
    except msgspec.MsgspecError as error:
        raise EngineError("engine_failed", f"not an answer of llama.cpp: {error}") from error
    if event.error is not None:
        raise EngineError("invalid_request", str(event.error.get("message", "")))
    return event


def _end(event: _Event, count: int) -> FinishReason | None:
    """How the answer ended, if this event ends it; EngineError where ids are missing."""
    if not event.stop:
        return None
    if event.tokens_predicted not in (None, count):
        raise EngineError("engine_failed", f"{count} token ids came of {event.tokens_predicted}")
    if event.stop_type not in REASONS:
        raise EngineError("engine_failed", f"the engine ended its answer with {event.stop_type!r}")
    return REASONS[event.stop_type]
