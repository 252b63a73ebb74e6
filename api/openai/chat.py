"""POST /v1/chat/completions and /v1/completions: an unchanged OpenAI client is answered by the market.

The request is quoted, its compute reserved, and the jobs of its choices followed to their settlement; the
usage at the end says what was metered and charged. A caller who leaves stops the jobs, and pays for what was
delivered until they stopped. One who gave an idempotency key may come back under it: they run to their end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from accounts.keys import KeyFacts
from api.auth import authenticate
from api.http import Request, Response, Stream, event, json_response, request_id, unless_gone
from api.openai import adaptive
from api.openai.answers import KINDS, Answer, KindName
from api.openai.following import Event, follow
from api.openai.options import Options
from api.openai.parameters import ChatRequest, CompletionRequest, parse_chat, parse_completion
from api.openai.quoting import choice_of, quote_of
from api.openai.starting import Asked, start
from core.errors import Code, CuxError
from core.threads import in_thread
from inference.selectors.routes import job_routed

T = TypeVar("T")
_LOOK_AGAIN_S: Final = 0.25


async def completions(request: Request) -> Response | Stream:
    """Answer a chat, whole or as a stream. What can be refused is refused before the stream begins."""
    return await _answered(request, "chat", parse_chat)


async def text_completions(request: Request) -> Response | Stream:
    """Continue a plain prompt, whole or as a stream."""
    return await _answered(request, "text", parse_completion)


async def _answered(
    request: Request, kind: KindName, parse: Callable[[bytes], ChatRequest | CompletionRequest]
) -> Response | Stream:
    caller = await authenticate(request, "infer")
    key = request.idempotency_key()
    body = await request.json_body()
    asked = parse(body)
    ask = asked.adaptive if isinstance(asked, ChatRequest) else None
    if isinstance(asked, ChatRequest) and ask is not None:
        planned = await in_thread(adaptive.wanted, asked, ask, caller, key, body)
        opened = await _started(request, asked, lambda: adaptive.open_request(planned))
        return await adaptive.respond(request, planned, opened)
    wanted = await in_thread(_wanted, asked, caller, key, body)
    started = await _started(request, asked, lambda: start(wanted))
    choices = [choice_of(asked, job_id) for job_id in started.job_ids]
    answer = Answer(KINDS[kind], started, choices, asked.include_usage)
    return await _respond(request, asked, answer, stays=key is not None)


def _wanted(asked: ChatRequest | CompletionRequest, caller: KeyFacts, key: str | None, body: bytes) -> Asked:
    return Asked(asked, asked.sampling, quote_of(asked, caller.organisation_id), caller, key, body)


async def _started(request: Request, asked: Options, make: Callable[[], T]) -> T:
    """Create the jobs, at the latest when the caller will wait no longer for the draw rule to let them run.

    Raises:
        CuxError: as `start`.
        Disconnected: the caller left while waiting; nothing was made.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + asked.max_wait_s
    while True:
        try:
            return await in_thread(make)
        except CuxError as refused:
            left_s = until - clock()
            if refused.code is not Code.DRAW_LIMIT or left_s <= 0:
                raise
        await unless_gone(request, asyncio.sleep(min(left_s, _LOOK_AGAIN_S)))


async def _respond(request: Request, asked: Options, answer: Answer, *, stays: bool) -> Response | Stream:
    job_ids = answer.started.job_ids
    events = follow(job_ids, stays=stays)
    if asked.stream:
        first = await unless_gone(request, anext(events))
        begun = [*answer.opening(), *answer.add(*first)]
        routed = await in_thread(job_routed, job_ids[0])
        return Stream(_chunks(answer, begun, events), headers=answer.headers(routed))
    await unless_gone(request, _whole(answer, events))
    routed = await in_thread(job_routed, job_ids[0])
    return json_response(answer.whole(routed), headers=answer.headers(routed))


async def _whole(answer: Answer, events: AsyncIterator[Event]) -> None:
    async with aclosing(events):  # type: ignore[type-var]
        async for place, happened in events:
            list(answer.add(place, happened))


async def _chunks(
    answer: Answer, begun: list[dict[str, object]], events: AsyncIterator[Event]
) -> AsyncIterator[bytes]:
    """Yield the stream; an error after its beginning is a last event with the one error shape."""
    async with aclosing(events):  # type: ignore[type-var]
        for chunk in begun:
            yield event(chunk)
        try:
            async for place, happened in events:
                for chunk in answer.add(place, happened):
                    yield event(chunk)
            if answer.include_usage:
                routed = await in_thread(job_routed, answer.started.job_ids[0])
                yield event(answer.usage_chunk(routed))
            yield b"data: [DONE]\n\n"
        except CuxError as refused:
            yield event(refused.body(request_id()))
