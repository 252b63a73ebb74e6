"""The choices of an answer are followed side by side, as their jobs go on."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from core.clock import utc_now
from core.threads import in_thread
from inference.gateway import Finished, Refunded, TokenChunk, stream_job, stream_to_caller
from inference.services.job_dispatch import job_dispatch

Happened = TokenChunk | Finished | Refunded
Event = tuple[int, Happened]
"""Which choice, and what happened to it."""


async def follow(job_ids: Sequence[uuid.UUID], *, stays: bool) -> AsyncIterator[Event]:
    """Yield what happens to each job until all have ended.

    Unless the caller `stays` (it may come back under its idempotency key), closing this cancels the jobs.

    Raises:
        CuxError: as `stream_job`.
    """
    if len(job_ids) == 1:
        async with aclosing(_events(job_ids[0], stays)) as events:  # type: ignore[type-var]
            async for happened in events:
                yield 0, happened
        return
    queue: asyncio.Queue[Event | Exception] = asyncio.Queue(maxsize=len(job_ids))
    tasks = [asyncio.create_task(_put(queue, place, job, stays)) for place, job in enumerate(job_ids)]
    try:
        left = len(tasks)
        while left:
            got = await queue.get()
            if isinstance(got, Exception):
                raise got
            if isinstance(got[1], Finished | Refunded):
                left -= 1
                await in_thread(_dispatch, job_ids)
            yield got
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _dispatch(job_ids: Sequence[uuid.UUID]) -> None:
    """Let choices that had to wait for the draw rule begin; the reconciler would, a little later."""
    for job_id in job_ids:
        job_dispatch(job_id=job_id, now=utc_now())


async def _put(queue: "asyncio.Queue[Event | Exception]", place: int, job_id: uuid.UUID, stays: bool) -> None:
    try:
        async with aclosing(_events(job_id, stays)) as events:  # type: ignore[type-var]
            async for happened in events:
                await queue.put((place, happened))
    except Exception as error:  # whoever follows is waiting for it
        await queue.put(error)


def _events(job_id: uuid.UUID, stays: bool) -> AsyncIterator[Happened]:
    return stream_job(job_id) if stays else stream_to_caller(job_id)
