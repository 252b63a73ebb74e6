"""The leases this agent holds: those it serves, and the answers of an earlier run it still owes."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.answer import Answer, replay
from agent.backoff import Backoff
from agent.delivery import deliver
from agent.exchange import Exchange
from agent.runner import Identity, LeaseRun
from agent.served import Served
from agent.transport import RefusedError, TransportError
from cux.wire.agent import Lease

log = logging.getLogger("cux.agent.leases")

GIVE_BACK_ATTEMPTS = 5


@dataclass(slots=True)
class Leases:
    """Serves each lease as a task of its own on the least loaded engine; `on_free`: slots opened."""

    exchange: Exchange
    served: list[Served]
    identity: Identity
    wal_directory: Path
    on_free: Callable[[], None]
    closed: bool = False
    """No lease is served any more that is taken now."""
    _runs: dict[str, LeaseRun] = field(default_factory=dict)
    _owed: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def held(self) -> list[str]:
        """The lease ids for the heartbeat: all that run or are still to be delivered."""
        return sorted({*self._runs, *self._owed})

    @property
    def running(self) -> int:
        """How many leases are being served."""
        return len(self._runs)

    @property
    def free_slots(self) -> int:
        """How many more leases may be claimed."""
        return sum(one.free_slots for one in self.served)

    def take(self, lease: Lease) -> None:
        """Serve a claimed lease, or give it back if that is not possible."""
        problem = self._problem(lease)
        place = None if problem else self._place(lease)
        if place is not None and (client := place.engine.client) is not None:
            run = LeaseRun(lease, self.identity, client)
            self._runs[lease.lease_id] = run
            place.running.add(lease.lease_id)
            self._spawn(self._serve(run, place))
        else:
            self._spawn(self._give_back(lease.lease_id, problem or "engine_unavailable"))

    def cancel(self, lease_id: str) -> None:
        """Stop a lease that the exchange canceled, if it runs here."""
        if run := self._runs.get(lease_id):
            log.info("lease %s: canceled", lease_id)
            run.interrupt("canceled")

    def deliver_owed(self) -> None:
        """Deliver the finished answers of an earlier run again; give the unfinished ones back."""
        for answer in replay(self.wal_directory):
            self._owed.add(answer.delivery.lease_id)
            self._spawn(self._deliver_owed(answer))

    def interrupt(self) -> None:
        """Abort what runs; each answer is still delivered as far as it got."""
        for run in self._runs.values():
            run.interrupt("draining")

    async def ended(self, *, within_s: float) -> bool:
        """Wait until nothing is held any more; False if that takes longer than `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            return False
        return True

    async def abandon(self) -> None:
        """Cancel every task; what is logged stays for the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _problem(self, lease: Lease) -> str | None:
        if self.closed:
            return "draining"
        cards = [one.card for one in self.served if one.card.model == lease.model]
        if not cards:
            return "unknown_model"
        if lease.card_hash != cards[0].card_hash:
            return "card_mismatch"
        if lease.model_revision != cards[0].revision:
            return "revision_mismatch"
        return None

    def _place(self, lease: Lease) -> Served | None:
        """The engine to run a lease on: of those that can serve it now, the least loaded."""
        able = [
            one
            for one in self.served
            if one.card.model == lease.model
            and one.engine.client is not None
            and (one.gives_logprobs or not lease.logprobs)
        ]
        return min(able, key=lambda one: one.load_ppm, default=None)

    async def _serve(self, run: LeaseRun, place: Served) -> None:
        lease = run.lease
        log.info("lease %s: started, job %s epoch %d", lease.lease_id, lease.job_id, lease.epoch)
        try:
            outcome = await run.run(self.wal_directory)
            log.info("lease %s: %s", lease.lease_id, outcome)
        except Exception:
            log.exception("lease %s: the agent failed", lease.lease_id)
            await self._give_back(lease.lease_id, "agent_failed")
        finally:
            del self._runs[lease.lease_id]
            place.running.discard(lease.lease_id)
            self.on_free()

    async def _deliver_owed(self, answer: Answer) -> None:
        lease_id = answer.delivery.lease_id
        try:
            if answer.end is None:
                await self._give_back(lease_id, "agent_restarted")
            else:
                log.info("lease %s: delivered again: %s", lease_id, await deliver(answer))
            answer.close(delivered=True)
        finally:
            self._owed.discard(lease_id)

    async def _give_back(self, lease_id: str, code: str) -> None:
        """Tell the exchange that a lease will not be served; if it is not reached, it will find out."""
        log.warning("lease %s: given back: %s", lease_id, code)
        backoff = Backoff()
        for _ in range(GIVE_BACK_ATTEMPTS):
            try:
                await self.exchange.fail(lease_id, code=code, message="")
            except TransportError:
                await asyncio.sleep(backoff.next_s())
            except RefusedError as error:
                log.warning("lease %s: not given back: %s", lease_id, error)
                return
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
