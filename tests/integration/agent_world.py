"""An exchange, a relay and an engine that follow the provider protocol, in one process with the agent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent.daemon import Daemon
from agent.engine import AttachedEngine
from agent.engine_client import EngineClient
from agent.exchange import Exchange
from agent.runner import Identity
from agent.served import Served
from agent.state import State
from agent.transport import Transport
from cux.wire.agent import Lease
from cux.wire.card import ComputeCard
from cux.wire.receipt import build_statement, sign_statement
from cux.wire.signing import SigningKey
from tests.http_server import Disconnect, serve
from tests.http_server import Exchange as Call

CARD = ComputeCard(
    model="tiny",
    revision="sha256:00",
    precision="bfloat16",
    layers=2,
    hidden_size=64,
    query_heads=4,
    kv_heads=2,
    head_dim=16,
    intermediate_size=128,
    vocab_size=1_000,
    decode_weight_milli=16_000,
)
KEY = SigningKey(bytes(range(32)))
PROVIDER_ID = "prv_1"
API_KEY = "provider-key-000000"


@dataclass
class World:
    """What the fakes saw, and the scripts they follow."""

    url: str = ""
    leases: asyncio.Queue[Lease] = field(default_factory=asyncio.Queue)
    enrolments: list[dict[str, Any]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    given_back: dict[str, str] = field(default_factory=dict)
    measurements: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    """By lease: the lines of each upload, in the order of their arrival."""
    results: dict[str, str] = field(default_factory=dict)
    canceled: list[str] = field(default_factory=list)
    stops: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """What the control stream tells the agent to stop."""
    drain: bool = False
    revoked: bool = False
    relay_script: list[str] = field(default_factory=list)
    """What the next uploads meet: `break` (after the first line), `unavailable`, `superseded`, `unknown`."""
    engine_script: list[str] = field(default_factory=list)
    """What the next completions meet: `break` (after the second token), `reject`."""
    tokens: asyncio.Semaphore | None = None
    """Permits for the engine's tokens; None: as fast as they go."""
    completions: list[dict[str, Any]] = field(default_factory=list)
    earnings: list[dict[str, Any]] = field(default_factory=list)
    aborted: int = 0
    engine_up: bool = True
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Any, within_s: float = 10.0) -> None:
        """Wait until `condition()` holds, looking again whenever the world changes."""
        async with asyncio.timeout(within_s), self.changed:
            await self.changed.wait_for(condition)

    async def note(self) -> None:
        """Wake whoever waits on a condition."""
        async with self.changed:
            self.changed.notify_all()

    def lease(self, lease_id: str, **changes: Any) -> Lease:
        """A lease of the tiny model for this world's relay; the answer is 5 tokens by default."""
        lease = Lease(
            lease_id=lease_id,
            job_id="job_" + lease_id,
            epoch=1,
            model=CARD.model,
            model_revision=CARD.revision,
            card_hash=CARD.card_hash,
            prompt_token_ids=[7, 8, 9],
            max_tokens=5,
            temperature_milli=700,
            top_p_ppm=950_000,
            seed=42,
            stop=[],
            relay_url=self.url,
            relay_token="relay-token-of-" + lease_id,
            deadline=(datetime.now(UTC) + timedelta(seconds=60)).isoformat().replace("+00:00", "Z"),
        )
        return msgspec.structs.replace(lease, **changes)

    def delivered(self, lease_id: str) -> list[int]:
        """The token ids of the lease's last upload."""
        lines = self.uploads[lease_id][-1]
        return [token for line in lines if line["type"] == "tokens" for token in line["ids"]]

    def last_line(self, lease_id: str) -> dict[str, Any]:
        """The last line of the lease's last upload."""
        return self.uploads[lease_id][-1][-1]

    # -- the servers

    async def handle(self, call: Call) -> None:
        """Route a request to exchange, relay or engine."""
        if call.path in ("/health", "/v1/completions"):
            await (self._health(call) if call.path == "/health" else self._complete(call))
        elif call.path == "/healthz":
            await call.answer(200, {"status": "ok"})
        elif call.path.startswith("/relay/v1/leases/"):
            await self._upload(call, call.path.split("/")[4])
        elif self.revoked:
            await call.refuse(401, "invalid_api_key")
        elif call.path == "/agent/v1/enrol":
            await self._enrol(call)
        else:
            assert call.headers["authorization"] == f"Bearer {API_KEY}"
            await self._agent(call, call.path.removeprefix("/agent/v1/"))
        await self.note()

    async def _enrol(self, call: Call) -> None:
        self.enrolments.append(await call.json())
        answer = {
            "version": 1,
            "provider_id": PROVIDER_ID,
            "api_key": API_KEY,
            "exchange_public_key": "0" * 64,
            "heartbeat_s": 1,
            "models": [CARD.model],
        }
        await call.answer(201, answer)

    async def _agent(self, call: Call, what: str) -> None:
        if what.startswith("earnings"):
            await call.answer(200, {"version": 1, "data": self.earnings, "next_before": None})
            return
        if what == "models/tiny/card":
            await call.answer(200, CARD.to_payload())
            return
        if what == "control":
            await self._control(call)
            return
        body = await call.json()
        if what == "heartbeat":
            self.heartbeats.append(body)
            await call.answer(200, {"version": 1, "leases_canceled": self.canceled, "drain": self.drain})
        elif what == "claim":
            self.claims.append(body["free_slots"])
            await self.note()
            leases = [await self._next_lease(body["wait_s"])]
            await call.answer(200, {"version": 1, "leases": [msgspec.to_builtins(le) for le in leases if le]})
        elif what == "measurements":
            self.measurements.append(body)
            await call.answer(204)
        else:
            self.given_back[what.split("/")[1]] = body["code"]
            await call.answer(204)

    async def _control(self, call: Call) -> None:
        await call.json()
        await call.start(200, "text/event-stream")
        leaving = asyncio.create_task(call.gone())
        try:
            while not leaving.done():
                told = asyncio.create_task(self.stops.get())
                await asyncio.wait({told, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if told.done():
                    line = {"version": 1, "leases_canceled": [told.result()]}
                    await call.send(b"data: " + json.dumps(line).encode() + b"\n\n")
                told.cancel()
        finally:
            leaving.cancel()

    async def _next_lease(self, wait_s: int) -> Lease | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self.leases.get()
        return None

    async def _upload(self, call: Call, lease_id: str) -> None:
        assert call.headers["authorization"] == f"Bearer relay-token-of-{lease_id}"
        fault = self.relay_script.pop(0) if self.relay_script else ""
        lines: list[dict[str, Any]] = []
        self.uploads.setdefault(lease_id, []).append(lines)
        if fault == "unavailable":
            await call.refuse(503, "relay_draining")
            return
        if fault == "unknown":
            await call.refuse(401, "unknown_lease")
            return
        async for line in call.lines():
            lines.append(line)
            await self.note()
            if fault == "break":
                raise Disconnect
            if fault == "superseded":
                break
        status = "superseded" if fault == "superseded" else "accepted"
        self.results[lease_id] = status
        tokens = len(self.delivered(lease_id))
        await call.answer(200, {"version": 1, "status": status, "output_tokens": tokens})

    async def _health(self, call: Call) -> None:
        await call.answer(200 if self.engine_up else 503)

    async def _complete(self, call: Call) -> None:
        body = await call.json()
        self.completions.append(body)
        fault = self.engine_script.pop(0) if self.engine_script else ""
        if fault == "reject":
            await call.answer(400, {"error": {"message": "prompt too long", "code": 400}})
            return
        sampling = asyncio.create_task(self._sample(call, body, fault))
        leaving = asyncio.create_task(call.gone())
        await asyncio.wait({sampling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not sampling.done():
            self.aborted += 1
            await self.note()
        for task in (sampling, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await sampling

    async def _sample(self, call: Call, body: dict[str, Any], fault: str) -> None:
        await call.start(200, "text/event-stream")
        for index in range(body["max_tokens"]):
            if fault == "break" and index == 2:
                raise Disconnect
            if self.tokens is not None:
                await self.tokens.acquire()
            last = index == body["max_tokens"] - 1
            choice = {"token_ids": [100 + index], "finish_reason": "length" if last else None}
            await call.send(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        await call.send(b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')
        await call.end()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Serve a fresh world."""
    found = World()
    async with serve(found.handle) as url:
        found.url = url
        yield found


@asynccontextmanager
async def agent(
    found: World, directory: Path, **changes: Any
) -> AsyncIterator[tuple[Daemon, asyncio.Task[None]]]:
    """Run a daemon in this process, attached to the world's engine; yields it and the task that runs it."""
    state = State(directory)
    state.create()
    settings: dict[str, Any] = {"heartbeat_s": 0.05, "claim_wait_s": 1, "drain_s": 5.0} | changes
    slots = settings.pop("slots", 4)
    served = settings.pop("served", None) or [
        Served("e1", AttachedEngine(EngineClient(found.url, model="tiny"), model="tiny"), CARD, slots)
    ]
    async with Transport(found.url, token=API_KEY) as transport:
        daemon = Daemon(
            exchange=Exchange(transport),
            served=served,
            identity=Identity(PROVIDER_ID, KEY),
            state=state,
            prepare=settings.pop("prepare", _nothing),
            **settings,
        )
        engines = [asyncio.create_task(one.engine.run()) for one in served]
        running = asyncio.create_task(daemon.run(engines))
        try:
            yield daemon, running
        finally:
            for task in (running, *engines):
                task.cancel()
            await asyncio.gather(running, *engines, return_exceptions=True)


async def _nothing(_one: Served) -> None:
    pass


def signature_of(lease: Lease, ids: list[int], reason: Any) -> str:
    """The signature that the provider owes for `lease`, made here from the lease and what was counted."""
    statement = build_statement(
        job_id=lease.job_id,
        lease_id=lease.lease_id,
        epoch=lease.epoch,
        provider_id=PROVIDER_ID,
        model=lease.model,
        model_revision=lease.model_revision,
        card_hash=lease.card_hash,
        prompt_tokens=len(lease.prompt_token_ids),
        output_ids=ids,
        finish_reason=reason,
        prefix_ids=lease.prefix_token_ids,
    )
    return sign_statement(statement, KEY)
