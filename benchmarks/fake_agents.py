"""Providers' agents that speak the provider protocol over HTTP and make their tokens up."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx
import msgspec

from core.clock import rfc3339, utc_now
from core.ids import public_id
from cux.wire.agent import ClaimRequest, ClaimResponse, Heartbeat, Lease, ModelState, TokensLine
from inference.models import CatalogueModel
from tests.integration.inference.scene import EOS, Agent

_HEARTBEAT_S = 5.0
_CLAIM_WAIT_S = 20
_AGAIN_S = 0.2
_LETTER = 65


class FakeAgent:
    """An agent with so many slots, which answers with `tokens` tokens, `pause_s` apart.

    `claims` gets each lease with the moment (`time.perf_counter`) at which it was here.
    """

    def __init__(self, agent: Agent, model: CatalogueModel, url: str, *, slots: int) -> None:
        """Prepare; nothing is sent yet."""
        self._agent, self._model, self._slots = agent, model, slots
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._client = httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False)
        self._headers = {"Authorization": f"Bearer {agent.api_key}"}
        self.claims: asyncio.Queue[tuple[float, Lease]] = asyncio.Queue()
        self.tokens, self.pause_s = 4, 0.0

    async def start(self) -> None:
        """Give the first sign of life and claim from now on."""
        await self._heartbeat()
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._claim())]

    async def kill(self) -> None:
        """Vanish, as a host without power does: nothing is said, every connection is gone."""
        for task in (*self._tasks, *self._running.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._running.values(), return_exceptions=True)
        await self._client.aclose()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            await _whatever_happens(self._heartbeat())

    async def _heartbeat(self) -> None:
        sign = Heartbeat(
            provider_id=public_id("provider", self._agent.provider.id),
            running=list(self._running),
            free_slots=self._slots - len(self._running),
            draining=False,
            models=[ModelState(model=self._model.name, card_hash=self._model.card_hash, ready=True)],
            sent_at=rfc3339(utc_now()),
        )
        (await self._post("/agent/v1/heartbeat", sign)).raise_for_status()

    async def _claim(self) -> None:
        while True:
            if len(self._running) >= self._slots:
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
            else:
                await _whatever_happens(self._claim_once())

    async def _claim_once(self) -> None:
        free = self._slots - len(self._running)
        answer = await self._post("/agent/v1/claim", ClaimRequest(free_slots=free, wait_s=_CLAIM_WAIT_S))
        answer.raise_for_status()
        for lease in msgspec.json.decode(answer.content, type=ClaimResponse).leases:
            self.claims.put_nowait((time.perf_counter(), lease))
            task = asyncio.create_task(self._serve(lease))
            self._running[lease.lease_id] = task
            task.add_done_callback(self._forget)

    def _forget(self, ended: asyncio.Task[None]) -> None:
        self._running = {lease: task for lease, task in self._running.items() if task is not ended}

    async def _serve(self, lease: Lease) -> None:
        url = f"{lease.relay_url}/relay/v1/leases/{lease.lease_id}/upload"
        headers = {"Authorization": f"Bearer {lease.relay_token}"}
        with contextlib.suppress(httpx.HTTPError):
            await self._client.post(url, content=self._lines(lease), headers=headers)

    async def _lines(self, lease: Lease) -> AsyncIterator[bytes]:
        count = min(self.tokens, lease.max_tokens)
        ids = [_LETTER] * (count - 1) + [EOS]
        for token in ids:
            yield _line(TokensLine(ids=[token]))
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        yield _line(self._agent.finished(lease, ids))

    async def _post(self, path: str, message: msgspec.Struct) -> httpx.Response:
        return await self._client.post(path, content=msgspec.json.encode(message), headers=self._headers)


async def _whatever_happens(step: Coroutine[Any, Any, None]) -> None:
    """Take a step of a loop that goes on after whatever the network does."""
    try:
        await step
    except httpx.HTTPError:
        await asyncio.sleep(_AGAIN_S)


def _line(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"
