"""Callers and uploads for the tests of the relay: both ends of a stream, by hand."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx
import msgspec
import pytest

from core.clock import utc_now
from core.threads import in_thread
from cux.wire import agent
from inference import gateway
from inference.gateway import Finished, Refunded, TokenChunk, stream_job
from inference.models import Job, Lease
from inference.services.job_dispatch import job_dispatch
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.scene import Agent, Scene


class Caller:
    """Follows a job as the gateway does, and keeps what it was given."""

    def __init__(self, job: Job) -> None:
        self.events: list[TokenChunk | Finished | Refunded] = []
        self._arrived = asyncio.Event()
        self.task = asyncio.create_task(self._follow(job.id))

    async def _follow(self, job_id: uuid.UUID) -> None:
        async for event in stream_job(job_id):
            self.events.append(event)
            self._arrived.set()

    async def tokens(self, count: int) -> None:
        """Return once so many tokens have arrived."""
        while sum(1 for _ in self.events) == 0 or self.count < count:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 20)

    @property
    def count(self) -> int:
        return max((each.output_tokens for each in self.events if isinstance(each, TokenChunk)), default=0)

    async def end(self) -> Finished | Refunded:
        await asyncio.wait_for(self.task, 20)
        last = self.events[-1]
        assert isinstance(last, Finished | Refunded)
        return last


class Upload:
    """An agent's upload that sends line by line, when told to."""

    def __init__(self, relay: RelayProcess, lease: agent.Lease) -> None:
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        url = f"{relay.url}/relay/v1/leases/{lease.lease_id}/upload"
        self._request = asyncio.create_task(self._post(url, lease.relay_token))

    async def _post(self, url: str, token: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20) as client:
            return await client.post(url, content=self._body(), headers={"Authorization": f"Bearer {token}"})

    async def _body(self) -> AsyncIterator[bytes]:
        while (line := await self._lines.get()) is not None:
            yield line

    def send(self, *lines: agent.UploadLine | bytes) -> None:
        for line in lines:
            self._lines.put_nowait(line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        self._lines.put_nowait(None)

    async def result(self) -> agent.UploadResult:
        response = await asyncio.wait_for(self._request, 20)
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=agent.UploadResult)

    async def break_off(self) -> None:
        """Break the connection, as an agent's end does."""
        self._request.cancel()
        await asyncio.gather(self._request, return_exceptions=True)

    async def broken(self) -> None:
        with pytest.raises(httpx.HTTPError):
            await asyncio.wait_for(self._request, 20)


def tokens(*ids: int) -> agent.TokensLine:
    return agent.TokensLine(ids=list(ids))


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def closing() -> None:
        try:
            await main()
        finally:
            await gateway.close()

    asyncio.run(closing())


def claimed(scene: Scene) -> tuple[Job, Agent, agent.Lease]:
    now = utc_now()
    job = scene.create(now=now)
    return job, *claim_again(scene, job)


def claim_again(scene: Scene, job: Job) -> tuple[Agent, agent.Lease]:
    job_dispatch(job_id=job.id, now=utc_now())
    lease = Lease.objects.get(job=job, state=Lease.State.GRANTED)
    owner = next(each for each in scene.agents if each.provider.id == lease.provider_id)
    (message,) = owner.claim(now=utc_now())
    return owner, message


def text_of(events: list[TokenChunk | Finished | Refunded]) -> str:
    return "".join(each.text for each in events if isinstance(each, TokenChunk))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await in_thread(condition):  # noqa: ASYNC110 (a row is looked at, not an event)
            await asyncio.sleep(0.02)
