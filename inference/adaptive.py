"""The driver of an adaptive request: follows its tranches, and gives out the answer that is kept.

A tranche's text is held back until it is judged; where nothing could follow it anyway, it streams straight
through. All that decides stands in rows: a driver that takes over (a caller who comes back under his
idempotency key) goes on where the rows are. Without one, whatever tranche runs ends and settles by itself,
and nothing more is released.
"""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from inference.gate.thought import ThoughtReader
from inference.gateway import Finished, Refunded, stream_job, stream_to_caller
from inference.models import AdaptiveRequest, Job
from inference.routing.plan import Rung
from inference.selectors.adaptive import adaptive_latest, tranche_at
from inference.selectors.progress import job_progress
from inference.services.tranche_judge import Ended, adaptive_end, tranche_judge

Release = Callable[[Rung, int], object]
"""Makes the job of the next tranche: its rung and its number. Raises CuxError if it cannot be had."""


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the answer, and of the thought before it."""

    thought: str
    content: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The request is answered with this tranche, which ended so."""

    number: int
    finished: Finished


@dataclass(slots=True)
class _Said:
    """What a tranche has said so far, and how it ended."""

    thought: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    finished: Finished | None = None

    def add(self, piece: Piece) -> None:
        self.thought.append(piece.thought)
        self.content.append(piece.content)

    @property
    def ended(self) -> Ended | None:
        if self.finished is None:
            return None
        has_answer = bool("".join(self.content).strip())
        return Ended(self.finished.finish_reason, self.finished.likelihoods, has_answer)


async def stream_adaptive(
    request_id: uuid.UUID, release: Release, *, stays: bool, streams: bool
) -> AsyncIterator[Piece | Kept | Refunded]:
    """Yield an empty piece at once, the answer's pieces, then `Kept`; or `Refunded` if nothing came of it.

    Unless the caller `stays`, closing this cancels the tranche that runs and ends the request. One who
    `streams` gets the text of the last tranche as it comes; if that is refunded after some of it was shown,
    the request fails.

    Raises:
        CuxError: ANSWER_NOT_KEPT, what was answered before is not kept any more; as `stream_job`.
    """
    said: dict[int, _Said] = {}
    ended = False
    streamed = None
    try:
        yield Piece("", "")
        while True:
            at = await in_thread(adaptive_latest, request_id)
            if at.state != AdaptiveRequest.State.RUNNING:
                break
            said[at.number] = _Said()
            pieces = _pieces(at.job_id, said[at.number], thinks=at.thinks, stays=stays)
            async with aclosing(pieces):  # type: ignore[type-var]
                async for piece in pieces:
                    if at.is_last and streams:
                        streamed = at.number
                        yield piece
            shown = streamed == at.number and any(said[at.number].content)
            await _go_on(request_id, at.number, said[at.number].ended, release, shown=shown)
        if at.kept is None:
            ended = True
            yield Refunded(Code.of_wire(at.failure, Code.JOB_FAILED))
            return
        if at.kept not in said:
            job_id, thinks = await in_thread(tranche_at, request_id, at.kept)
            said[at.kept] = _Said()
            async for _ in _pieces(job_id, said[at.kept], thinks=thinks, stays=True):
                pass
        whole = said[at.kept]
        if streamed != at.kept:
            yield Piece("".join(whole.thought), "".join(whole.content))
        ended = True
        assert whole.finished is not None
        yield Kept(at.kept, whole.finished)
    finally:
        if not ended and not stays:
            await in_thread(adaptive_end, request_id=request_id, now=utc_now(), left=True)


async def _go_on(
    request_id: uuid.UUID, number: int, ended: Ended | None, release: Release, *, shown: bool
) -> None:
    """Judge a tranche and release the next; where that cannot be had, the request ends with what there is."""
    rung = await in_thread(
        tranche_judge, request_id=request_id, number=number, ended=ended, shown=shown, now=utc_now()
    )
    if rung is None:
        return
    try:
        await in_thread(release, rung, number + 1)
    except CuxError as refused:
        why = f"but it could not be had: {refused.code.wire}"
        await in_thread(adaptive_end, request_id=request_id, now=utc_now(), why=why)


async def _pieces(job_id: uuid.UUID, said: _Said, *, thinks: bool, stays: bool) -> AsyncIterator[Piece]:
    """Yield what a tranche says, and note it."""
    await in_thread(_refuse_if_forgotten, job_id)
    reader = ThoughtReader(thinks=thinks)
    events = stream_job(job_id) if stays else stream_to_caller(job_id)
    async with aclosing(events):  # type: ignore[type-var]
        async for happened in events:
            if isinstance(happened, Finished):
                said.finished = happened
            elif not isinstance(happened, Refunded):
                piece = Piece(*reader.add(happened.text))
                said.add(piece)
                yield piece
    last = Piece(reader.flush(), "")
    said.add(last)
    yield last


def _refuse_if_forgotten(job_id: uuid.UUID) -> None:
    """Refuse to follow a job whose answer was deleted at settlement, as the class's retention says."""
    progress = job_progress(job_id)
    if progress.state == Job.State.COMPLETED and len(progress.known_ids) < progress.output_tokens:
        raise CuxError(Code.ANSWER_NOT_KEPT)
