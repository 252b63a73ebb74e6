"""A chat that gets as much compute as its question needs, in OpenAI's shapes.

The thought before an answer goes to `reasoning_content`, as vLLM's server has it. A tranche that is not kept
is not shown, and counts: `usage.cux` has them all.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings

from accounts.keys import KeyFacts
from api.http import Request, Response, Stream, event, json_response, request_id, unless_gone
from api.openai.answers import KINDS
from api.openai.choices import in_its_words
from api.openai.parameters import ChatRequest
from api.openai.starting import Asked, bought_for, covered
from core.clock import utc_now
from core.errors import Code, CuxError
from core.idempotency import once
from core.money import format_usd
from core.threads import in_thread
from cux.wire.adaptive import AdaptiveView
from inference.adaptive import Kept, Piece, stream_adaptive
from inference.gateway import Refunded
from inference.routing.plan import Rung
from inference.selectors.adaptive import adaptive_get
from inference.services.adaptive_open import adaptive_open, tranche_release, why_released
from inference.services.adaptive_quote import AdaptiveAsk, AdaptiveQuote, adaptive_quote
from inference.services.sampling import Sampling


@dataclass(frozen=True, slots=True)
class AskedAdaptively:
    """A checked request, whose it is, and its plan."""

    options: ChatRequest
    quote: AdaptiveQuote
    caller: KeyFacts
    key: str | None
    body: bytes

    @property
    def sampling(self) -> Sampling:
        """Return how tokens are drawn: the likeliest, as the gate knows them, unless the caller says else."""
        options = self.options
        if options.temperature is None:
            options = msgspec.structs.replace(options, temperature=0.0)
        return options.drawn(logprobs=True)

    def tranche(self, rung: str, number: int) -> Asked:
        """Return what a tranche is asked, as a request of its own.

        Raises:
            CuxError: DEPENDENCY_UNAVAILABLE, nobody serves the rung any more.
        """
        quote = self.quote.quotes.get(rung)
        if quote is None:
            raise CuxError(Code.DEPENDENCY_UNAVAILABLE)
        return Asked(self.options, self.sampling, quote, self.caller, self.key, self.body, part=number)


def wanted(
    asked: ChatRequest, ask: AdaptiveAsk, caller: KeyFacts, key: str | None, body: bytes
) -> AskedAdaptively:
    """Return the request with its plan. Raises CuxError as `adaptive_quote`."""
    quote = adaptive_quote(
        organisation_id=caller.organisation_id,
        model=asked.model,
        messages=[message.for_template() for message in asked.messages],
        ask=ask,
        now=utc_now(),
    )
    return AskedAdaptively(asked, quote, caller, key, body)


@dataclass(frozen=True, slots=True)
class Opened:
    """The request behind an answer, and when it was made in seconds since 1970."""

    adaptive_id: uuid.UUID
    created: int


def open_request(asked: AskedAdaptively) -> Opened:
    """This function will open the request with its first tranche; a repeated one is the same request.

    Raises:
        CuxError: as `covered`.
    """
    first = asked.tranche(asked.quote.plan.first.name, 0)

    def make(now: datetime, by_pool: bool, has_bought: bool) -> dict[str, Any]:
        def create() -> dict[str, Any]:
            request = adaptive_open(
                quote=asked.quote,
                sampling=asked.sampling,
                api_key_id=asked.caller.key_id,
                tag=asked.options.metadata.tag,
                preferences=asked.options.preferences,
                by_pool=by_pool,
                bought=bought_for(first) if has_bought or asked.key is not None else None,
                now=now,
            )
            return {"adaptive_id": request.id.hex, "created": int(now.timestamp())}

        made, _ = once(
            organisation_id=asked.caller.organisation_id,
            key=asked.key,
            body_sha256=first.body_sha256,
            action=create,
        )
        return made

    made = covered(first, make)
    return Opened(uuid.UUID(hex=made["adaptive_id"]), made["created"])


async def respond(request: Request, asked: AskedAdaptively, opened: Opened) -> Response | Stream:
    """Answer with what is kept, whole or as a stream. A stream begins at once, so that its headers say which
    request it is while tranches run."""

    def release(rung: Rung, number: int) -> None:
        part = asked.tranche(rung.name, number)

        def make(now: datetime, by_pool: bool, has_bought: bool) -> object:
            return tranche_release(
                request_id=opened.adaptive_id,
                number=number,
                quote=part.quote,
                rung=rung.name,
                why=why_released(rung),
                sampling=part.sampling,
                api_key_id=asked.caller.key_id,
                tag=asked.options.metadata.tag,
                preferences=asked.options.preferences,
                by_pool=by_pool,
                bought=bought_for(part) if has_bought else None,
                now=now,
            )

        covered(part, make)

    events = stream_adaptive(
        opened.adaptive_id, release, stays=asked.key is not None, streams=asked.options.stream
    )
    answer = _Answer(asked, opened)
    if asked.options.stream:
        await unless_gone(request, anext(events))  # from now on closing it stops the request
        begun = await in_thread(answer.view)
        return Stream(_chunks(answer, events), headers=answer.headers(begun))
    await unless_gone(request, _whole(answer, events))
    view = await in_thread(answer.view)
    return json_response(answer.whole(view), headers=answer.headers(view))


async def _whole(answer: "_Answer", events: AsyncIterator[Piece | Kept | Refunded]) -> None:
    async with aclosing(events):  # type: ignore[type-var]
        async for happened in events:
            answer.add(happened)


async def _chunks(answer: "_Answer", events: AsyncIterator[Piece | Kept | Refunded]) -> AsyncIterator[bytes]:
    async with aclosing(events):  # type: ignore[type-var]
        try:
            yield event(answer.chunk({"role": "assistant", "content": ""}))
            async for happened in events:
                for delta in answer.add(happened):
                    yield event(answer.chunk(delta))
            yield event(answer.chunk({}, answer.finish_reason))
            if answer.asked.options.include_usage:
                yield event(answer.usage_chunk(await in_thread(answer.view)))
            yield b"data: [DONE]\n\n"
        except CuxError as refused:
            yield event(refused.body(request_id()))


@dataclass(slots=True)
class _Answer:
    """The answer as it grows."""

    asked: AskedAdaptively
    opened: Opened
    _thought: list[str] = field(default_factory=list)
    _content: list[str] = field(default_factory=list)
    _kept: Kept | None = None

    def add(self, happened: Piece | Kept | Refunded) -> list[dict[str, str]]:
        """Take in what happened, and return what it adds to the message.

        Raises:
            CuxError: all that was tried came to nothing.
        """
        if isinstance(happened, Refunded):
            raise CuxError(happened.code)
        if isinstance(happened, Kept):
            self._kept = happened
            return []
        self._thought.append(happened.thought)
        self._content.append(happened.content)
        deltas = {"reasoning_content": happened.thought, "content": happened.content}
        return [{name: text} for name, text in deltas.items() if text]

    @property
    def finish_reason(self) -> str:
        """Return why the answer that is kept ended."""
        if self._kept is None:
            raise CuxError(Code.JOB_FAILED)
        return in_its_words(self._kept.finished.finish_reason)

    def view(self) -> AdaptiveView:
        """Return the request as it is now."""
        organisation_id = self.asked.caller.organisation_id
        return adaptive_get(organisation_id=organisation_id, request_id=self.opened.adaptive_id)

    def whole(self, view: AdaptiveView) -> dict[str, Any]:
        """Return the complete answer."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._content), "refusal": None}
        if thought := "".join(self._thought):
            message["reasoning_content"] = thought
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage(view)}

    def chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """Return a piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        body = {**self._head(KINDS["chat"].chunk), "choices": [choice]}
        return {**body, "usage": None} if self.asked.options.include_usage else body

    def usage_chunk(self, view: AdaptiveView) -> dict[str, Any]:
        """Return the last piece of a stream: no text, the usage."""
        return {**self._head(KINDS["chat"].chunk), "choices": [], "usage": self._usage(view)}

    def headers(self, view: AdaptiveView) -> dict[str, str]:
        """Return what is told in headers: which request it is, its plan, and at the end its price."""
        told = {
            "X-Cux-Adaptive-Id": view.adaptive_id,
            "X-Cux-Quote-Ucu": str(view.quote_ucu),
            "X-Cux-Expected-Ucu": str(view.plan.expected_ucu),
            "X-Cux-First-Rung": view.plan.first,
        }
        if view.state != "running":
            told["X-Cux-Compute-Ucu"] = str(view.compute_ucu)
            told["X-Cux-Cost-Nano-Usd"] = str(view.cost_nano_usd)
            told["X-Cux-Tranches"] = str(len(view.tranches))
        return told

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"{KINDS['chat'].prefix}{self.opened.adaptive_id.hex}",
            "object": kind,
            "created": self.opened.created,
            "model": self.asked.options.model,
        }

    def _usage(self, view: AdaptiveView) -> dict[str, Any]:
        """Return the tokens of the answer that is kept, and under `cux` all that was spent on it."""
        assert self._kept is not None, "usage comes after the answer"
        finished = self._kept.finished
        kept = view.tranches[self._kept.number]
        return {
            "prompt_tokens": finished.prompt_tokens,
            "completion_tokens": finished.output_tokens,
            "total_tokens": finished.prompt_tokens + finished.output_tokens,
            "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
            "cux": {
                **msgspec.to_builtins(view),
                "cost_usd": format_usd(view.cost_nano_usd).removeprefix("$"),
                "card_hash": kept.card_hash,
                "job_id": kept.job_id,
                "receipt_hash": kept.receipt_hash,
                "receipt_url": f"{settings.EXCHANGE_URL}/v1/receipts/{kept.job_id}",
            },
        }
