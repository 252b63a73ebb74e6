"""One OpenAI-compatible endpoint: ask it a question, wait where it says so, give up with a clear word."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

ATTEMPTS: Final = 6
LONGEST_WAIT_S: Final = 30.0
_TIMEOUT: Final = httpx.Timeout(300.0, connect=5.0)
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})


class EndpointError(Exception):
    """The endpoint cannot be asked at all: what is wrong, and what to do about it."""


class QuestionFailed(Exception):
    """One question got no answer; others may."""


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class Usage(msgspec.Struct):
    """The token counts of an answer."""

    prompt_tokens: int
    completion_tokens: int


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    usage: Usage | None = None


class _Named(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Named]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer's text, its token counts, and how long it took to come."""

    text: str
    usage: Usage
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask (`base_url` ends in /v1), as whom, for which model, and with what besides."""

    base_url: str
    model: str
    api_key: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    first_wait_s: float = 0.5
    transport: httpx.AsyncBaseTransport | None = None

    def client(self) -> httpx.AsyncClient:
        """Return a client for as many questions at once as one likes; to be closed."""
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        limits = httpx.Limits(max_connections=None)
        return httpx.AsyncClient(
            base_url=self.base_url.rstrip("/") + "/",
            headers=headers,
            timeout=_TIMEOUT,
            limits=limits,
            transport=self.transport,
            trust_env=False,
        )

    async def check(self, client: httpx.AsyncClient) -> None:
        """Pass if the endpoint is there and serves the model. Raises EndpointError."""
        try:
            answer = await client.get("models")
        except httpx.HTTPError as error:
            raise EndpointError(self._away(error)) from error
        self._refuse_key(answer)
        if answer.status_code != httpx.codes.OK:
            return  # not everybody lists models; the first question tells
        try:
            known = sorted(each.id for each in msgspec.json.decode(answer.content, type=_Models).data)
        except msgspec.MsgspecError:
            return
        if self.model not in known:
            raise EndpointError(f"{self.base_url} does not serve {self.model!r}. It serves: {_listed(known)}")

    async def ask(self, client: httpx.AsyncClient, text: str) -> Answered:
        """Return the answer to one question; wait and ask again where the endpoint is busy.

        Raises EndpointError, QuestionFailed.
        """
        body = {"temperature": 0} | dict(self.request)
        body |= {"model": self.model, "messages": [{"role": "user", "content": text}]}
        said = ""
        for attempt in range(ATTEMPTS):
            started = time.monotonic()
            try:
                answer = await client.post("chat/completions", json=body)
            except httpx.HTTPError as error:
                said = self._away(error)
            else:
                if answer.status_code == httpx.codes.OK:
                    return _read(answer, round((time.monotonic() - started) * 1_000))
                self._refuse_key(answer)
                said = f"{self.base_url} says {answer.status_code}: {_message(answer)}"
                if answer.status_code == httpx.codes.NOT_FOUND:
                    raise EndpointError(said)
                if answer.status_code not in _AGAIN:
                    raise QuestionFailed(said)
                await asyncio.sleep(self._wait_s(attempt, answer))
                continue
            await asyncio.sleep(self._wait_s(attempt))
        raise QuestionFailed(said)

    def _wait_s(self, attempt: int, answer: httpx.Response | None = None) -> float:
        asked = (answer.headers.get("retry-after", "") if answer is not None else "").strip()
        wait_s = float(asked) if asked.replace(".", "", 1).isdigit() else self.first_wait_s * 2**attempt
        return min(wait_s, LONGEST_WAIT_S)

    def _refuse_key(self, answer: httpx.Response) -> None:
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise EndpointError(
                f"{self.base_url} refuses the key ({answer.status_code}): {_message(answer)} "
                "Name the variable that holds a good one with --api-key-env."
            )

    def _away(self, error: httpx.HTTPError) -> str:
        kind = type(error).__name__
        return f"{self.base_url} cannot be reached ({kind}). Is it running, and does the URL end in /v1?"


def _read(answer: httpx.Response, latency_ms: int) -> Answered:
    try:
        read = msgspec.json.decode(answer.content, type=_Answer)
        message = read.choices[0].message
    except (msgspec.MsgspecError, IndexError) as error:
        raise EndpointError(f"the endpoint's answer is not a chat completion: {error}") from error
    if read.usage is None or read.usage.prompt_tokens < 1:
        raise EndpointError("the endpoint counts no tokens (`usage`): its FLOPs cannot be worked out")
    return Answered(message.content or "", read.usage, latency_ms)


def _message(answer: httpx.Response) -> str:
    """Return what an error says, in OpenAI's shape or any other."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200]
    error = body.get("error", body) if isinstance(body, dict) else body
    found = error.get("message") if isinstance(error, dict) else error
    return str(found)[:200]


def _listed(names: list[str]) -> str:
    most = 10
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
