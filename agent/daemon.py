"""The daemon: says that it is there, and claims leases while it has free slots and a ready engine."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.backoff import Backoff
from agent.engine import Engine
from agent.engine_client import EngineError
from agent.exchange import Exchange
from agent.leases import Leases
from agent.runner import Identity
from agent.state import State, Status
from agent.transport import RefusedError, TransportError
from cux.wire.agent import Heartbeat, ModelState
from cux.wire.card import ComputeCard

log = logging.getLogger("cux.agent")

NOT_WELCOME = frozenset({401, 403})
CLAIM_GRACE_S = 2.0
"""How long an open claim may still answer once draining began."""
DELIVERY_GRACE_S = 10.0
"""How long interrupted leases may take to be delivered before the agent exits; their logs stay."""


class NotWelcomeError(Exception):
    """The exchange does not accept this agent's key any more."""


@dataclass(slots=True)
class Daemon:
    """One provider's agent, from its first heartbeat to the end of its drain."""

    exchange: Exchange
    engine: Engine
    identity: Identity
    card: ComputeCard
    state: State
    slots: int
    heartbeat_s: float
    claim_wait_s: int
    drain_s: float
    prepare: Callable[[], Awaitable[None]]
    """Runs once, when the engine is first ready and before any lease is claimed."""
    _leases: Leases = field(init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _paused: bool = False
    _prepared: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _beat: asyncio.Event = field(default_factory=asyncio.Event)
    _heartbeat_at: float = 0.0
    _refusal: RefusedError | None = None

    def __post_init__(self) -> None:
        self._leases = Leases(
            exchange=self.exchange,
            engine=self.engine,
            identity=self.identity,
            card=self.card,
            wal_directory=self.state.wal_directory,
            slots=self.slots,
            on_free=self._changed.set,
        )

    def stop(self) -> None:
        """Begin to drain: claim nothing more, finish what runs, then return from `run`."""
        if not self._stopping.is_set():
            log.info("draining: %d leases run", self._leases.running)
            self._leases.closed = True
            self._stopping.set()
            self._notify()

    async def run(self, engine: asyncio.Task[None]) -> None:
        """Serve until `stop`, or until the task that keeps the engine running fails.

        Raises NotWelcomeError, once what ran is finished, if the exchange refused this provider.
        """
        self.engine.on_change = self._notify
        self._leases.deliver_owed()
        claims = asyncio.create_task(self._claims())
        loops = [asyncio.create_task(self._heartbeats()), claims]
        try:
            await self._until_stopped([engine, *loops])
            await self._drain(claims)
        finally:
            for task in loops:
                task.cancel()
            await self._leases.abandon()
            await asyncio.gather(*loops, return_exceptions=True)
            self._prepared = False
            self._write_status()
        if self._refusal is not None:
            raise NotWelcomeError(str(self._refusal))

    async def _until_stopped(self, loops: list[asyncio.Task[None]]) -> None:
        """Wait for `stop`. No loop ends before: if one does, its error ends the agent."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({stopping, *loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for task in done:
            task.result()

    async def _drain(self, claims: asyncio.Task[None]) -> None:
        """Let the open claim answer, then the leases finish; interrupt those that take too long."""
        await asyncio.wait({claims}, timeout=CLAIM_GRACE_S)
        claims.cancel()
        if await self._leases.ended(within_s=self.drain_s):
            return
        self._leases.interrupt()
        if not await self._leases.ended(within_s=DELIVERY_GRACE_S):
            log.error("not all answers are delivered; the next start tries again")

    async def _claims(self) -> None:
        """Claim leases while there are free slots and a ready engine, until draining begins."""
        backoff = Backoff()
        await self._prepare()
        while not self._stopping.is_set():
            self._changed.clear()
            if self._paused or not self._leases.free_slots or not self.engine.ready.is_set():
                await self._changed.wait()
            elif await self._claim():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s())

    async def _prepare(self) -> None:
        while not (self.engine.ready.is_set() or self._stopping.is_set()):
            self._changed.clear()
            await self._changed.wait()
        if self._stopping.is_set():
            return
        try:
            await self.prepare()
        except (EngineError, TransportError, RefusedError) as error:
            log.warning("not measured: %s", error)
        self._prepared = True
        self._beat.set()

    async def _claim(self) -> bool:
        """Make one long poll and take what it brings; False if it failed."""
        try:
            leases = await self.exchange.claim(free_slots=self._leases.free_slots, wait_s=self.claim_wait_s)
        except TransportError as error:
            log.warning("claim failed: %s", error)
            return False
        except RefusedError as error:
            self._refused(error)
            return False
        for lease in leases:
            self._leases.take(lease)
        return True

    async def _heartbeats(self) -> None:
        """Send a heartbeat every `heartbeat_s` and on `_notify`, sooner after one that got lost."""
        backoff = Backoff()
        while True:
            self._beat.clear()
            if await self._heartbeat():
                backoff.reset()
                wait_s = self.heartbeat_s
            else:
                wait_s = min(self.heartbeat_s, backoff.next_s())
            self._write_status()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._beat.wait()

    async def _heartbeat(self) -> bool:
        """Send one heartbeat and do what its answer says; False if it did not get through."""
        try:
            answer = await self.exchange.heartbeat(self._report())
        except TransportError as error:
            log.warning("heartbeat not delivered: %s", error)
            return False
        except RefusedError as error:
            self._refused(error)
            return True
        self._heartbeat_at = time.time()
        for lease_id in answer.leases_canceled:
            self._leases.cancel(lease_id)
        if answer.drain != self._paused:
            log.info("the exchange asks for %s leases", "no more" if answer.drain else "new")
            self._paused = answer.drain
            self._changed.set()
        return True

    def _report(self) -> Heartbeat:
        ready = self.engine.ready.is_set()
        return Heartbeat(
            provider_id=self.identity.provider_id,
            running=self._leases.held,
            free_slots=self._leases.free_slots,
            draining=self._stopping.is_set(),
            models=[ModelState(model=self.card.model, card_hash=self.card.card_hash, ready=ready)],
            sent_at=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        )

    def _write_status(self) -> None:
        status = Status(
            pid=os.getpid(),
            provider_id=self.identity.provider_id,
            model=self.card.model,
            engine=self.engine.status,
            engine_url=self.engine.client.url if self.engine.client else "",
            prepared=self._prepared,
            running=self._leases.running,
            free_slots=self._leases.free_slots,
            draining=self._stopping.is_set(),
            heartbeat_s=self.heartbeat_s,
            heartbeat_at=self._heartbeat_at,
            problem=str(self._refusal or self.engine.problem),
        )
        try:
            self.state.write_status(status)
        except OSError as error:
            log.warning("status not written: %s", error)

    def _refused(self, error: RefusedError) -> None:
        log.error("the exchange refuses: %s", error)
        if error.status in NOT_WELCOME:
            self._refusal = error
            self.stop()

    def _notify(self) -> None:
        self._changed.set()
        self._beat.set()
