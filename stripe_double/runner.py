"""What happens by itself when its time comes: deliveries, arrivals, expiries."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop

import httpx

from stripe_double import money, payments, webhooks
from stripe_double.errors import StripeError
from stripe_double.resources import checkout_sessions, disputes, payouts, refunds
from stripe_double.state_file import StateFile
from stripe_double.world import World

JOBS: dict[str, Callable[..., object]] = {
    "mature": money.mature,
    "session_expires": checkout_sessions.expire,
    "refund_succeeds": refunds.refund_succeeds,
    "refund_fails": refunds.refund_fails,
    "book_late": payments.book_late,
    "dispute": disputes.open_dispute,
    "dispute_due": disputes.unanswered,
    "payout_leaves": payouts.leaves,
    "payout_arrives": payouts.arrives,
    "payout_automatic": payouts.pay_out_everything,
}
_LONGEST_SLEEP_S = 3_600.0


class Runner:
    """Does the jobs of a world one after the other, in the order of their times."""

    def __init__(self, world: World, state_file: StateFile) -> None:
        self._world = world
        self._file = state_file
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._client = httpx.AsyncClient(trust_env=False)

    @property
    def busy(self) -> bool:
        """Return whether jobs are being done."""
        return self._turn.locked()

    def wake(self) -> None:
        """Look at the jobs again: there may be new ones."""
        self._woken.set()

    async def forever(self) -> None:
        """Do jobs as they fall due, and keep the state file up to date, until cancelled."""
        try:
            while True:
                self._woken.clear()
                await self.run_due()
                unwritten = self._file.write()
                next_due = self._world.jobs[0][0] if self._world.jobs else float("inf")
                wait_s = min(_LONGEST_SLEEP_S, next_due - self._world.now())
                if unwritten:
                    wait_s = min(wait_s, self._file.due_in_s())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), max(0.0, wait_s))
        finally:
            self._file.write(at_once=True)
            await self._client.aclose()

    async def run_due(self) -> None:
        """Do what is due."""
        await self.advance(0.0)

    async def advance(self, seconds: float) -> None:
        """Move the clock on, doing on the way each job at its time; returns when all are done."""
        async with self._turn:
            target = self._world.now() + seconds
            while self._world.jobs and self._world.jobs[0][0] <= max(target, self._world.now()):
                due, _, _, job, arguments = heappop(self._world.jobs)
                self._forward(due)
                if job == "deliver":
                    await webhooks.deliver(self._client, self._world, **arguments)
                else:
                    # What can no longer be done, such as a dispute of a refunded charge, is not done.
                    with suppress(StripeError):
                        JOBS[job](self._world, **arguments)
            self._forward(target)

    def _forward(self, moment: float) -> None:
        self._world.offset_s += max(0.0, moment - self._world.now())
