"""The gateway follows a job from its creation to its end, and turns token ids into the caller's text.

Tokens come from the relay as they are generated; what the job has come to stands in its row. If the relay
restarts, or the job moves to another provider before its first token, the caller only waits a little.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import httpx
import structlog
from django.conf import settings

from core.clock import utc_now
from core.errors import Code, CuxError
from core.notify import JOB, listener, wait
from core.threads import in_thread
from inference.engines.tokenizer import Detokenizer, StopText, load_tokenizer
from inference.models import Job
from inference.relay_stream import End, Idle, Tokens, decode_line
from inference.selectors.progress import JobProgress, job_progress
from inference.services.job_cancel import job_cancel
from inference.services.job_interrupt import job_interrupt

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 1.0
_RELAY_AWAY_S: Final = 0.2
_TIMEOUT: Final = httpx.Timeout(5.0, connect=1.0)
_CODES: Final = {code.wire: code for code in Code}


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """More of the answer: the text to show and how many tokens have come so far."""

    text: str
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is settled: what it used, what it cost, and the hash of its receipt."""

    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    quote_ucu: int
    compute_ucu: int
    charged_nano_usd: int
    receipt_hash: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The job ended without costing anything; `code` says why."""

    code: Code


class _Answer:
    """What has reached the caller: how many token ids, of which lease, as which text."""

    def __init__(self, progress: JobProgress) -> None:
        self._detokenizer = Detokenizer(load_tokenizer(progress.directory))
        self._stop = StopText(progress.stop)
        self.count = 0
        self.lease_id: uuid.UUID | None = None

    def add(self, ids: list[int], lease_id: uuid.UUID | None) -> TokenChunk:
        self.count += len(ids)
        self.lease_id = lease_id
        return TokenChunk(self._stop.add(self._detokenizer.add(ids)), self.count)

    def flush(self) -> TokenChunk:
        return TokenChunk(self._stop.add(self._detokenizer.flush()) + self._stop.flush(), self.count)

    def is_of(self, lease_id: uuid.UUID | None) -> bool:
        """Tell whether tokens of this lease continue the answer."""
        return self.count == 0 or self.lease_id == lease_id


async def stream_job(job_id: uuid.UUID) -> AsyncIterator[TokenChunk | Finished | Refunded]:
    """Yield the answer's chunks as they come, then `Finished` or `Refunded`, which is the last.

    Raises:
        CuxError: INTERNAL, the job was settled but its answer's end was lost with the relay.
    """
    answer: _Answer | None = None
    with listener().subscribe(JOB, str(job_id)) as woken:
        while True:
            woken.clear()
            progress = await in_thread(job_progress, job_id)
            answer = answer or _Answer(progress)
            if progress.state == Job.State.REFUNDED:
                yield Refunded(_CODES.get(progress.failure, Code.JOB_FAILED))
                return
            if not answer.is_of(progress.lease_id):
                await in_thread(job_interrupt, job_id=job_id, now=utc_now())
                continue
            async for chunk in _more(job_id, progress, answer, woken):
                yield chunk
            if progress.state == Job.State.COMPLETED:
                yield answer.flush()
                yield _finished(progress, answer)
                return


async def stream_to_caller(job_id: uuid.UUID) -> AsyncIterator[TokenChunk | Finished | Refunded]:
    """Yield what `stream_job` yields; a caller who leaves before the end cancels the job by closing this."""
    ended = False
    async with aclosing(stream_job(job_id)) as events:  # type: ignore[type-var]
        try:
            async for happened in events:
                ended = isinstance(happened, Finished | Refunded)
                yield happened
        finally:
            if not ended:
                await in_thread(job_cancel, job_id=job_id, now=utc_now())


async def close() -> None:
    """Close what the gateway keeps open in this event loop: its relay connections and its listener."""
    client = _CLIENTS.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
    await listener().close()


async def _more(
    job_id: uuid.UUID, progress: JobProgress, answer: _Answer, woken: asyncio.Event
) -> AsyncIterator[TokenChunk]:
    """Yield what is new until the job's row should be looked at again."""
    if progress.known_ids[answer.count :]:
        yield answer.add(progress.known_ids[answer.count :], progress.lease_id)
    elif _complete(progress, answer):
        if progress.state == Job.State.DELIVERED:
            await wait(woken, _LOOK_AGAIN_S)
    else:
        try:
            async for line in _relay_lines(job_id, answer.count):
                if not answer.is_of(line.lease_id):
                    return
                yield answer.add(line.ids, line.lease_id)
        except httpx.HTTPError as error:
            log.warning("relay_unreachable", job_id=str(job_id), error=repr(error))
            await wait(woken, _RELAY_AWAY_S)


async def _relay_lines(job_id: uuid.UUID, after: int) -> AsyncIterator[Tokens]:
    """Yield the relay's token lines until a pause or the answer's end."""
    url = f"{settings.RELAY_URL}/relay/internal/jobs/{job_id}/stream"
    headers = {"Authorization": f"Bearer {settings.RELAY_INTERNAL_TOKEN}"}
    async with _client().stream("GET", url, params={"after": after}, headers=headers) as response:
        response.raise_for_status()
        async for text in response.aiter_lines():
            line = decode_line(text)
            if isinstance(line, Idle | End):
                return
            yield line


def _complete(progress: JobProgress, answer: _Answer) -> bool:
    delivered = progress.state in {Job.State.DELIVERED, Job.State.COMPLETED}
    return delivered and answer.count >= progress.output_tokens


def _finished(progress: JobProgress, answer: _Answer) -> Finished:
    if not _complete(progress, answer):
        raise CuxError(Code.INTERNAL, "The job was settled, but the end of its answer was lost on the way.")
    assert progress.receipt_hash is not None
    return Finished(
        finish_reason=progress.finish_reason,
        prompt_tokens=progress.prompt_tokens,
        cached_tokens=progress.cached_tokens,
        output_tokens=progress.output_tokens,
        quote_ucu=progress.quote_ucu,
        compute_ucu=progress.compute_ucu,
        charged_nano_usd=progress.charged_nano_usd,
        receipt_hash=progress.receipt_hash,
    )


_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


def _client() -> httpx.AsyncClient:
    """Return the event loop's client: as many connections as there are streams."""
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        _CLIENTS[loop] = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits, trust_env=False)
    return _CLIENTS[loop]
