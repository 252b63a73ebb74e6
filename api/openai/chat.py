"""POST /v1/chat/completions: an unchanged OpenAI client gets its answer from the market.

The request is quoted, its compute reserved, and the job followed to its settlement; the usage at the end
says what was metered and charged. A caller who leaves stops the job, and pays for what was delivered until
it stopped. One who gave an idempotency key may come back under it: that job runs to its end.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import datetime

from accounts.keys import KeyFacts
from api.auth import authenticate
from api.http import Request, Response, Stream, event, json_response, request_id, unless_gone
from api.openai.answers import ChatJob
from api.openai.parameters import ChatRequest, parse_chat
from billing.services.budget_alert import alert_on_refusal
from core.clock import utc_now
from core.errors import Code, CuxError
from core.idempotency import once
from core.threads import in_thread
from inference.gateway import Finished, Refunded, TokenChunk, stream_job, stream_to_caller
from inference.models import Job
from inference.selectors.progress import job_progress
from inference.services.job_create import job_create
from inference.services.job_quote import job_quote

Events = AsyncIterator[TokenChunk | Finished | Refunded]


async def completions(request: Request) -> Response | Stream:
    """Answer a chat, whole or as a stream. What can be refused is refused before the stream begins."""
    caller = await authenticate(request, "infer")
    key = request.idempotency_key()
    body = await request.json_body()
    asked = parse_chat(body)
    job = await in_thread(_start, asked=asked, caller=caller, key=key, body=body, now=utc_now())
    events = stream_to_caller(job.job_id) if key is None else stream_job(job.job_id)
    if asked.stream:
        first = await unless_gone(request, anext(events))
        _refuse_if_refunded(first)
        return Stream(_chunks(job, first, events, asked.include_usage), headers=job.headers)
    text, finished = await unless_gone(request, _whole(events))
    return json_response(job.completion(text, finished), headers=job.headers)


def _start(*, asked: ChatRequest, caller: KeyFacts, key: str | None, body: bytes, now: datetime) -> ChatJob:
    """Quote and create the job, once per idempotency key; a repeated request follows the same job."""
    quote = job_quote(
        organisation_id=caller.organisation_id,
        model=asked.model,
        messages=[message.for_template() for message in asked.messages],
        max_tokens=asked.output_cap,
        max_compute_ucu=asked.max_compute_ucu,
    )

    def create() -> dict[str, str | int]:
        job = job_create(
            quote=quote,
            sampling=asked.sampling,
            now=now,
            api_key_id=caller.key_id,
            tag=asked.metadata.tag,
        )
        return {"job_id": job.id.hex, "card_hash": quote.card_hash, "created": int(now.timestamp())}

    digest = hashlib.sha256(body).digest()
    with alert_on_refusal():
        made, again = once(organisation_id=caller.organisation_id, key=key, body_sha256=digest, action=create)
    job_id = uuid.UUID(hex=made["job_id"])
    if again:
        _refuse_if_forgotten(job_id)
    return ChatJob(
        job_id=job_id,
        model=quote.model,
        card_hash=made["card_hash"],
        created=made["created"],
    )


def _refuse_if_forgotten(job_id: uuid.UUID) -> None:
    """Refuse to repeat an answer that was deleted at settlement, as the class's retention says."""
    progress = job_progress(job_id)
    if progress.state == Job.State.COMPLETED and len(progress.known_ids) < progress.output_tokens:
        raise CuxError(Code.ANSWER_NOT_KEPT)


async def _whole(events: Events) -> tuple[str, Finished]:
    texts = []
    async for happened in events:
        _refuse_if_refunded(happened)
        if isinstance(happened, TokenChunk):
            texts.append(happened.text)
        elif isinstance(happened, Finished):
            return "".join(texts), happened
    raise CuxError(Code.JOB_FAILED)


def _refuse_if_refunded(happened: TokenChunk | Finished | Refunded) -> None:
    if isinstance(happened, Refunded):
        raise CuxError(happened.code)


async def _chunks(
    job: ChatJob, first: TokenChunk | Finished | Refunded, events: Events, include_usage: bool
) -> AsyncIterator[bytes]:
    """Yield the stream; an error after its beginning is a last event with the one error shape."""
    async with aclosing(events):  # type: ignore[type-var]
        yield event(job.chunk({"role": "assistant", "content": ""}, with_usage=include_usage))
        try:
            for piece in _pieces(job, first, include_usage):
                yield piece
            async for happened in events:
                for piece in _pieces(job, happened, include_usage):
                    yield piece
        except CuxError as refused:
            yield event(refused.body(request_id()))


def _pieces(job: ChatJob, happened: TokenChunk | Finished | Refunded, include_usage: bool) -> Iterator[bytes]:
    """Yield what a caller of the stream is sent when this happens."""
    _refuse_if_refunded(happened)
    if isinstance(happened, TokenChunk) and happened.text:
        yield event(job.chunk({"content": happened.text}, with_usage=include_usage))
    elif isinstance(happened, Finished):
        yield event(job.chunk({}, finish_reason=happened.finish_reason, with_usage=include_usage))
        if include_usage:
            yield event(job.usage_chunk(happened))
        yield b"data: [DONE]\n\n"
