"""One choice of an answer as it grows: text, and with tools the calls read out of it."""

import uuid
from collections.abc import Iterable
from typing import Any

from api.openai.likelihoods import chat_logprobs, text_logprobs
from inference.engines.told import Told
from inference.engines.tool_calls import Call, CallReader
from inference.gateway import TokenChunk


class ChatChoice:
    """A choice of a chat. Without a reader all text is content; `is_named`: one function had to be called.

    `logprobs`: the caller asked how likely the tokens were.
    """

    def __init__(
        self,
        job_id: uuid.UUID,
        reader: CallReader | None = None,
        *,
        is_named: bool = False,
        logprobs: bool = False,
    ) -> None:
        """Start before the first token."""
        self._job_id = job_id
        self._reader = reader
        self._is_named = is_named
        self._told: list[Told] | None = [] if logprobs else None
        self._content: list[str] = []
        self._calls: list[dict[str, Any]] = []

    def add(self, chunk: TokenChunk) -> list[dict[str, Any]]:
        """Return what this text adds to the message, as deltas."""
        if self._reader is not None:
            return self._kept(self._reader.add(chunk.text))
        deltas = self._kept([chunk.text] if chunk.text else [])
        if self._told is not None:
            self._told += chunk.told
            for delta in deltas:
                delta["logprobs"] = chat_logprobs(chunk.told)
        return deltas

    def flush(self) -> list[dict[str, Any]]:
        """Return what the end adds."""
        return [] if self._reader is None else self._kept(self._reader.flush())

    def opening(self) -> dict[str, Any]:
        """Return the delta that a stream begins with."""
        return {"delta": {"role": "assistant", "content": ""}, "logprobs": None}

    def ending(self) -> dict[str, Any]:
        """Return the delta that a stream ends with."""
        return {"delta": {}, "logprobs": None}

    def whole(self) -> dict[str, Any]:
        """Return the message; of an answer of calls alone the content is null."""
        content: str | None = "".join(self._content)
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if self._calls:
            message["content"] = content.strip() or None if content else None
            message["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"} for call in self._calls
            ]
        return {"message": message, "logprobs": None if self._told is None else chat_logprobs(self._told)}

    def finish_reason(self, reason: str) -> str:
        """Return why it ended, in OpenAI's words: a call by choice, or one that was demanded by name."""
        return "tool_calls" if self._calls and not self._is_named else in_its_words(reason)

    def _kept(self, pieces: Iterable[str | Call]) -> list[dict[str, Any]]:
        return [{"delta": self._delta(piece), "logprobs": None} for piece in pieces]

    def _delta(self, piece: str | Call) -> dict[str, Any]:
        if isinstance(piece, str):
            self._content.append(piece)
            return {"content": piece}
        index = len(self._calls)
        call = {
            "index": index,
            "id": f"call_{self._job_id.hex}_{index}",
            "type": "function",
            "function": {"name": piece.name, "arguments": piece.arguments},
        }
        self._calls.append(call)
        return {"tool_calls": [call]}


class TextChoice:
    """A choice of a plain completion. `logprobs`: the caller asked how likely the tokens were."""

    def __init__(self, *, logprobs: bool = False) -> None:
        """Start before the first token."""
        self._text: list[str] = []
        self._told: list[Told] | None = [] if logprobs else None

    def add(self, chunk: TokenChunk) -> list[dict[str, Any]]:
        """Return what this text adds."""
        self._text.append(chunk.text)
        told = None
        if self._told is not None:
            self._told += chunk.told
            told = text_logprobs(chunk.told)
        return [{"text": chunk.text, "logprobs": told}] if chunk.text else []

    def flush(self) -> list[dict[str, Any]]:
        """Return what the end adds: nothing."""
        return []

    def opening(self) -> dict[str, Any] | None:
        """Return what a stream begins with: nothing."""
        return None

    def ending(self) -> dict[str, Any]:
        """Return what a stream ends with."""
        return {"text": "", "logprobs": None}

    def whole(self) -> dict[str, Any]:
        """Return the text."""
        told = None if self._told is None else text_logprobs(self._told)
        return {"text": "".join(self._text), "logprobs": told}

    def finish_reason(self, reason: str) -> str:
        """Return why it ended."""
        return in_its_words(reason)


Choice = ChatChoice | TextChoice


def in_its_words(reason: str) -> str:
    """Return OpenAI's word for how an answer ended: stopped at the deadline, it is cut short."""
    return "length" if reason == "abort" else reason
