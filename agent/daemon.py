"""The daemon: says that it is there, and claims leases while it has free slots on engines that are ready."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent import systemd
from agent.backoff import Backoff
from agent.engine_client import EngineError
from agent.exchange import Exchange
from agent.gpus import GpusUnknownError, read_gpus
from agent.leases import Leases
from agent.offering import Offering
from agent.runner import Identity
from agent.served import Served, model_states, problem_of
from agent.state import EngineReport, State, Status
from agent.transport import RefusedError, TransportError
from cux.wire.agent import Heartbeat

log = logging.getLogger("cux.agent")

NOT_WELCOME = frozenset({401, 403})
CLAIM_GRACE_S = 2.0
"""How long an open claim may still answer once draining began."""
WITHDRAW_S = 5.0
"""How long taking the offers out of the book may take before draining goes on."""
DELIVERY_GRACE_S = 10.0
"""How long interrupted leases may take to be delivered before the agent exits; their logs stay."""


class NotWelcomeError(Exception):
    """The exchange does not accept this agent's key any more."""


@dataclass(slots=True)
class Daemon:
    """One provider's agent, from its first heartbeat to the end of its drain."""

    exchange: Exchange
    served: list[Served]
    identity: Identity
    state: State
    heartbeat_s: float
    claim_wait_s: int
    drain_s: float
    prepare: Callable[[Served], Awaitable[None]]
    """Runs once for each engine, when it is first ready and before any lease is claimed for it."""
    offering: Offering | None = None
    _leases: Leases = field(init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _paused: bool = False
    _maintenance: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _beat: asyncio.Event = field(default_factory=asyncio.Event)
    _heartbeat_at: float = 0.0
    _refusal: RefusedError | None = None

    def __post_init__(self) -> None:
        self._leases = Leases(
            exchange=self.exchange,
            served=self.served,
            identity=self.identity,
            wal_directory=self.state.wal_directory,
            on_free=self._changed.set,
        )

    def stop(self) -> None:
        """Begin to drain: claim nothing more, finish what runs, then return from `run`."""
        if not self._stopping.is_set():
            log.info("draining: %d leases run", self._leases.running)
            systemd.notify("STOPPING=1")
            self._leases.closed = True
            self._stopping.set()
            self._notify()

    def look(self) -> None:
        """Look at once whether the operator began or ended maintenance."""
        self._notify()

    async def run(self, engines: list[asyncio.Task[None]]) -> None:
        """Serve until `stop`, or until a task that keeps an engine running fails.

        Raises NotWelcomeError, once what ran is finished, if the exchange refused this provider.
        """
        for one in self.served:
            one.engine.on_change = self._notify
        self._leases.deliver_owed()
        claims = asyncio.create_task(self._claims())
        preparing = [asyncio.create_task(self._prepare(one)) for one in self.served]
        beats = [
            asyncio.create_task(each) for each in (self._heartbeats(), self._control(), self._watchdog())
        ]
        offers = [asyncio.create_task(self.offering.run())] if self.offering else []
        loops = [*beats, claims, *preparing, *offers]
        try:
            await self._until_stopped([*engines, claims, *beats, *offers])
            for task in offers:
                task.cancel()
            await self._withdraw()
            await self._drain(claims)
        finally:
            for task in loops:
                task.cancel()
            await self._leases.abandon()
            await asyncio.gather(*loops, return_exceptions=True)
            for one in self.served:
                one.prepared = False
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

    async def _withdraw(self) -> None:
        """Take the offers out of the book, as far as the exchange is reached."""
        if self.offering is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WITHDRAW_S):
                    await self.offering.withdraw()

    async def _watchdog(self) -> None:
        """Tell systemd that this loop turns, if it wants to hear it; it restarts an agent that hangs."""
        systemd.notify("READY=1")
        every_s = systemd.watchdog_s()
        while every_s is not None:
            systemd.notify("WATCHDOG=1")
            await asyncio.sleep(every_s)
        await asyncio.Event().wait()

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
        while not self._stopping.is_set():
            self._changed.clear()
            if self._paused or self._maintenance or not self._leases.free_slots:
                await self._changed.wait()
            elif await self._claim():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s())

    async def _prepare(self, one: Served) -> None:
        await one.engine.ready.wait()
        try:
            await self.prepare(one)
        except (EngineError, TransportError, RefusedError) as error:
            log.warning("%s: not measured: %s", one.name, error)
        one.prepared = True
        self._notify()

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

    async def _control(self) -> None:
        """Keep the control stream open, and stop at once what it names; heartbeats stand behind it."""
        backoff = Backoff()
        while True:
            try:
                async for event in self.exchange.control():
                    backoff.reset()
                    for lease_id in event.leases_canceled:
                        self._leases.cancel(lease_id)
            except TransportError as error:
                log.debug("the control stream broke off: %s", error)
            except RefusedError as error:
                self._refused(error)
            await asyncio.sleep(backoff.next_s())

    async def _heartbeats(self) -> None:
        """Send a heartbeat every `heartbeat_s` and on `_notify`, sooner after one that got lost."""
        backoff = Backoff()
        while True:
            self._beat.clear()
            self._look_for_maintenance()
            if await self._heartbeat():
                backoff.reset()
                wait_s = self.heartbeat_s
            else:
                wait_s = min(self.heartbeat_s, backoff.next_s())
            self._write_status()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._beat.wait()

    def _look_for_maintenance(self) -> None:
        maintained = self.state.in_maintenance(time.time())
        if maintained != self._maintenance:
            log.info("maintenance %s", "begins: nothing more is claimed" if maintained else "ends")
            self._maintenance = maintained
            self._changed.set()
        if self.offering is not None and self.offering.paused != maintained:
            self.offering.paused = maintained
            self.offering.notify()

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
        return Heartbeat(
            provider_id=self.identity.provider_id,
            running=self._leases.held,
            free_slots=self._leases.free_slots,
            draining=self._stopping.is_set() or self._maintenance,
            models=model_states(self.served),
            sent_at=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        )

    def _write_status(self) -> None:
        gpus, gpus_unknown = [], ""
        try:
            gpus = read_gpus()
        except GpusUnknownError as error:
            gpus_unknown = str(error)
        status = Status(
            pid=os.getpid(),
            provider_id=self.identity.provider_id,
            engines=[EngineReport.of(one) for one in self.served],
            running=self._leases.running,
            free_slots=self._leases.free_slots,
            draining=self._stopping.is_set(),
            heartbeat_s=self.heartbeat_s,
            heartbeat_at=self._heartbeat_at,
            maintenance=self._maintenance,
            problem=str(self._refusal or problem_of(self.served)),
            offers=self.offering.problem if self.offering else "",
            gpus=gpus,
            gpus_unknown=gpus_unknown,
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
        if self.offering is not None:
            self.offering.notify()
