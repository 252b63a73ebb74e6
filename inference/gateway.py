"""The gateway follows a job from its creation to its end, and turns token ids into the caller's text.

Tokens come from the relay as they are generated; what the job has come to stands in its row. If the relay
restarts, or the job moves to another provider, the caller only waits a little. The next provider continues
what was written down of the answer, which may be less than the caller has seen; text is then given out again
only from where it is new, and the job is refunded if it is not the same up to there.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
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
from inference.engines.told import Shown, Told
from inference.likelihoods import Likelihood, read_rows
from inference.models import Job
from inference.relay_stream import End, Idle, Tokens, decode_line
from inference.selectors.progress import JobProgress, job_progress
from inference.services.job_cancel import job_cancel
from inference.services.job_interrupt import job_interrupt

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 1.0
_RELAY_AWAY_S: Final = 0.2
_TIMEOUT: Final = httpx.Timeout(5.0, connect=1.0)


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """More of the answer: the text to show and how many tokens have come so far.

    `told`: the tokens that this text shows and how likely they were, where the job asks for that.
    """

    text: str
    output_tokens: int
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is settled: what it used, what it cost, and the hash of its receipt.

    `likelihoods` are those of all its tokens, its end included, where the job asks for them.
    """

    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    quote_ucu: int
    compute_ucu: int
    charged_nano_usd: int
    receipt_hash: str
    likelihoods: tuple[Likelihood, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Refunded:
    """The job ended without costing anything; `code` says why."""

    code: Code


class _Contradiction(Exception):
    """The answer goes on otherwise than the caller has seen it."""


class _Answer:
    """What has reached the caller: how many token ids, as of which lease, as which text.

    `shown` is the text that the caller has of earlier leases. It is matched before new text is given out.
    """

    def __init__(self, progress: JobProgress, shown: str = "", lease_id: uuid.UUID | None = None) -> None:
        tokenizer = load_tokenizer(progress.directory)
        self._detokenizer = Detokenizer(tokenizer)
        self._stop = StopText(progress.stop)
        self._shown = [shown] if shown else []
        self._to_match = shown
        self._row_width = progress.row_width
        self._tokens = Shown(tokenizer, after=len(shown))
        self.likelihoods: list[Likelihood] = []
        self.count = 0
        self.lease_id = lease_id

    def add(self, ids: list[int], rows: list[int], lease_id: uuid.UUID | None) -> TokenChunk:
        self.count += len(ids)
        self.lease_id = lease_id
        if self._row_width:
            return self._add_told(list(read_rows(ids, rows, width=self._row_width)))
        return TokenChunk(self._new(self._stop.add(self._detokenizer.add(ids))), self.count)

    def _add_told(self, likelihoods: list[Likelihood]) -> TokenChunk:
        """Take the tokens one by one: each is given out with the text that it begins."""
        self.likelihoods += likelihoods
        text = ""
        for each in likelihoods:
            spelt = self._detokenizer.add([each.token_id])
            self._tokens.spelt(each, len(spelt))
            text += self._stop.add(spelt)
        told = self._tokens.seen(len(text))
        return TokenChunk(self._new(text), self.count, tuple(told))

    def flush(self) -> TokenChunk:
        text = self._stop.add(self._detokenizer.flush()) + self._stop.flush()
        told = self._tokens.seen(len(text))
        return TokenChunk(self._new(text), self.count, tuple(told))

    def is_of(self, lease_id: uuid.UUID | None) -> bool:
        """Tell whether tokens of this lease come next; the answer has to begin again otherwise."""
        return self.lease_id in (None, lease_id)

    def again(self, progress: JobProgress) -> "_Answer":
        """Return the answer before its first token, to be followed as the newest lease continues it."""
        return _Answer(progress, "".join(self._shown), progress.lease_id)

    def _new(self, text: str) -> str:
        seen = self._to_match[: len(text)]
        if not text.startswith(seen):
            raise _Contradiction
        self._to_match = self._to_match[len(text) :]
        if new := text[len(seen) :]:
            self._shown.append(new)
        return new


async def stream_job(job_id: uuid.UUID) -> AsyncIterator[TokenChunk | Finished | Refunded]:
    """Yield the answer's chunks as they come, then `Finished` or `Refunded`, which is the last.

    Raises:
        CuxError: INTERNAL, the job was settled but its answer's end was lost with the relay, or is another.
    """
    answer: _Answer | None = None
    with listener().subscribe(JOB, str(job_id)) as woken:
        while True:
            woken.clear()
            progress = await in_thread(job_progress, job_id)
            answer = answer or _Answer(progress)
            if progress.state == Job.State.REFUNDED:
                yield Refunded(Code.of_wire(progress.failure, Code.JOB_FAILED))
                return
            if not answer.is_of(progress.lease_id):
                answer = answer.again(progress)
            try:
                async for chunk in _more(job_id, progress, answer, woken):
                    yield chunk
                if progress.state == Job.State.COMPLETED:
                    yield answer.flush()
                    yield _finished(progress, answer)
                    return
            except _Contradiction as error:
                if progress.state == Job.State.COMPLETED:
                    raise CuxError(Code.INTERNAL, "Another answer than was shown is settled.") from error
                await in_thread(job_interrupt, job_id=job_id, now=utc_now())


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


def settled_answer(progress: JobProgress) -> tuple[TokenChunk, Finished]:
    """Return the whole answer of a settled job that is kept still.

    Raises:
        CuxError: INTERNAL, it is not.
    """
    answer = _Answer(progress)
    first = answer.add(progress.known_ids, progress.known_rows, progress.lease_id)
    last = answer.flush()
    whole = TokenChunk(first.text + last.text, answer.count, first.told + last.told)
    return whole, _finished(progress, answer)


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
        rows = progress.known_rows[answer.count * progress.row_width :]
        yield answer.add(progress.known_ids[answer.count :], rows, progress.lease_id)
    elif _complete(progress, answer):
        if progress.state == Job.State.DELIVERED:
            await wait(woken, _LOOK_AGAIN_S)
    else:
        try:
            async for line in _relay_lines(job_id, answer.count, answer.lease_id):
                if not answer.is_of(line.lease_id):
                    return
                yield answer.add(line.ids, line.rows, line.lease_id)
        except httpx.HTTPError as error:
            log.warning("relay_unreachable", job_id=str(job_id), error=repr(error))
            await wait(woken, _RELAY_AWAY_S)


async def _relay_lines(job_id: uuid.UUID, after: int, lease_id: uuid.UUID | None) -> AsyncIterator[Tokens]:
    """Yield the relay's token lines of the lease, or of whichever delivers, until a pause or the end."""
    url = f"{settings.RELAY_URL}/relay/internal/jobs/{job_id}/stream"
    headers = {"Authorization": f"Bearer {settings.RELAY_INTERNAL_TOKEN}"}
    params = {"after": str(after)} | ({"lease": str(lease_id)} if lease_id else {})
    async with _client().stream("GET", url, params=params, headers=headers) as response:
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
        likelihoods=tuple(answer.likelihoods),
    )


_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


def _client() -> httpx.AsyncClient:
    """Return the event loop's client: as many connections as there are streams."""
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        _CLIENTS[loop] = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits, trust_env=False)
    return _CLIENTS[loop]
