"""Any server with OpenAI's completions that takes token ids as a prompt: its text is encoded again."""

import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from agent.engine_client import TOKEN_S, Chunk, EngineClient, EngineError
from agent.re_encode import ReEncoder, Tokenizer, UnstableError
from agent.transport import RefusedError, TransportError
from cux.wire.receipt import FinishReason

REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class _Choice(msgspec.Struct):
    text: str = ""
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    error: dict[str, Any] | None = None


_EVENTS = msgspec.json.Decoder(_Event)


def load_tokenizer(model_path: Path) -> tuple[Tokenizer, int | None]:
    """The tokenizer of a model's directory, and the id that ends an answer where the model names one.

    Raises ValueError: no tokenizer there, or the `tokenizers` package is not installed.
    """
    try:
        tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(
            str(model_path / "tokenizer.json")
        )
        ends = msgspec.json.decode((model_path / "config.json").read_bytes()).get("eos_token_id")
    except ImportError as error:
        raise ValueError("pip install 'cux-agent[text]'") from error
    except Exception as error:
        # The package raises plain Exceptions.
        raise ValueError(f"no tokenizer in {model_path}: {error}") from error
    return tokenizer, ends[0] if isinstance(ends, list) else ends


class TextEngineClient(EngineClient):
    """One server that answers with text."""

    gives_logprobs = False

    def __init__(self, url: str, *, model: str, tokenizer: Tokenizer, end_id: int | None) -> None:
        super().__init__(url, model=model)
        self._tokenizer = tokenizer
        self._end_id = end_id

    async def is_healthy(self) -> bool:
        """Whether the server lists its models: /health is not part of OpenAI's interface."""
        try:
            await self._transport.get("/v1/models", read_s=5.0)
        except (TransportError, RefusedError):
            return False
        return True

    async def complete(self, prompt: list[int], **sampling: Any) -> AsyncIterator[Chunk]:
        """Yield a completion of the token ids `prompt`, sampled as `sampling` says. Raises EngineError."""
        body = {"model": self._model, "prompt": prompt, "stream": True, **sampling}
        encoder = ReEncoder(self._tokenizer)
        finished = False
        try:
            async with self._transport.open(
                "POST", "/v1/completions", content=msgspec.json.encode(body), read_s=TOKEN_S
            ) as answer:
                async for line in answer.aiter_lines():
                    if not finished and line.startswith("data: ") and line != "data: [DONE]":
                        chunk = self._chunk(line[len("data: ") :], encoder, sampling)
                        finished = chunk.finish_reason is not None
                        yield chunk
        except RefusedError as error:
            raise EngineError("invalid_request", error.message) from error
        except (TransportError, UnstableError) as error:
            raise EngineError("engine_failed", str(error)) from error
        if not finished:
            raise EngineError("engine_failed", "the engine ended its answer without a reason")

    def _chunk(self, data: str, encoder: ReEncoder, sampling: dict[str, Any]) -> Chunk:
        try:
            event = _EVENTS.decode(data)
        except msgspec.MsgspecError as error:
            raise EngineError("engine_failed", f"not a completion: {error}") from error
        if event.error is not None:
            raise EngineError("invalid_request", str(event.error.get("message", "")))
        if not event.choices:
            return Chunk([], None)
        choice = event.choices[0]
        ids = encoder.feed(choice.text)
        if choice.finish_reason is None:
            return Chunk(ids, None)
        if choice.finish_reason not in REASONS:
            raise EngineError("engine_failed", f"the engine ended its answer with {choice.finish_reason!r}")
        ids += encoder.finish()
        # Without stop strings only the model's own end stops an answer, and that token was sampled too.
        if choice.finish_reason == "stop" and not sampling.get("stop") and self._end_id is not None:
            ids.append(self._end_id)
        return Chunk(ids, REASONS[choice.finish_reason])
