"""The writer's loop: decides what waits while the batch before is being committed, and does what is due."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.sequencer.batch import Decision, Sequencer
from exchange.sequencer.commands import timers
from exchange.sequencer.owner import FencedOffError
from exchange.sequencer.protocol import Decided, Inspect, RunDue, Verdict
from exchange.sequencer.server import Inbox, Item
from exchange.sequencer.views import refusal

log = structlog.get_logger(__name__)

FULL_BATCH: Final = 1_000
LONGEST_WAIT_S: Final = 1.0
"""While something is to fall due: the wall clock, by which it does, may be set meanwhile."""
SUSPENDED: Final = timedelta(minutes=1)

Answer = Callable[[Sequence[Item], Sequence[Verdict]], None]


class Flight(NamedTuple):
    """A batch that is being committed, and answered when it is."""

    items: Sequence[Item]
    now: datetime
    landing: "asyncio.Task[None]"


class Writer:
    """At any time one batch is on its way to the database, and one is being decided on top of it."""

    def __init__(self, sequencer: Sequencer, inbox: Inbox, answer: Answer) -> None:
        """Write what comes into the inbox."""
        self._sequencer = sequencer
        self._inbox = inbox
        self._answer = answer
        self._flight: Flight | None = None

    async def work(self) -> None:
        """Write batches until the inbox is stopped and empty.

        Raises:
            FencedOffError: another sequencer has taken over.
            ConnectionError: a database session is gone; what became of the last batch is unknown.
        """
        while True:
            await self._inbox.something(_wait_s(timers.next_due(self._sequencer.state)))
            if self._flight is not None and self._flight.landing.done():
                await self._settle()
            now = utc_now()
            if timers.what_is_due(self._sequencer.state, now):
                await self._settle()
                self._run_timers(now)
            if items := self._inbox.take(FULL_BATCH):
                await self._write(items, now)
            elif self._inbox.is_stopped:
                await self._settle()
                return

    async def _write(self, items: list[Item], now: datetime) -> None:
        """Decide a batch, and send it as soon as the one before it is committed."""
        commands = [item.command for item in items]
        if any(isinstance(command, Inspect) for command in commands):
            await self._settle()
            await self._write_alone(items, now)
            return
        try:
            decision = self._decide(commands, now)
            is_sound = await self._settle()
            if is_sound:
                self._sequencer.send(decision)
        except FencedOffError:
            raise
        except Exception as error:
            is_sound = await self._settle()
            if is_sound:
                self._note(error, commands)
                self._sequencer.recover(now)
                await self._write_each(items, now)
                return
        if not is_sound:  # it was decided on top of what did not come to be
            await self._write_alone(items, now)
            return
        landing = asyncio.create_task(self._land(items, decision))
        landing.add_done_callback(lambda _: self._inbox.wake())
        self._flight = Flight(items, now, landing)

    def _decide(self, commands: Sequence[Decided], now: datetime) -> Decision:
        decision = self._sequencer.decide(commands, self._sequencer.ask(commands), now)
        if self._flight is not None and not self._flight.landing.done():
            decision.make()
        return decision

    async def _land(self, items: Sequence[Item], decision: Decision) -> None:
        await decision.arrival()
        self._answer(items, decision.verdicts())

    async def _settle(self) -> bool:
        """Wait for the batch under way. If it fails, decide its commands again, and return False."""
        flight, self._flight = self._flight, None
        if flight is None:
            return True
        try:
            await flight.landing
        except FencedOffError:
            raise
        except Exception as error:
            self._note(error, flight.items)
            self._sequencer.recover(flight.now)
            await self._write_each(flight.items, flight.now)
            return False
        return True

    async def _write_alone(self, items: Sequence[Item], now: datetime) -> None:
        """Write a batch with nothing beside it."""
        verdicts = self._run([item.command for item in items], now)
        if verdicts is None:
            await self._write_each(items, now)
        else:
            self._answer(items, verdicts)

    async def _write_each(self, items: Sequence[Item], now: datetime) -> None:
        """Run the commands of a batch that failed one by one, so that only the culprits are refused."""
        for item in items:
            verdicts = None if len(items) == 1 else self._run([item.command], now)
            self._answer([item], verdicts or [refusal(CuxError(Code.INTERNAL))])
            await asyncio.sleep(0)

    def _run_timers(self, now: datetime) -> None:
        """Do what is due; if that fails, do it step by step, and suspend the culprits for a minute."""
        while command := timers.what_is_due(self._sequencer.state, now):
            if self._run([command], now) is None:
                for key in command.due:
                    if self._run([RunDue((key,))], now) is None:
                        log.error("sequencer_step_suspended", key=key)
                        self._sequencer.suspend(key, now + SUSPENDED)

    def _run(self, commands: Sequence[Decided], now: datetime) -> list[Verdict] | None:
        """Run a batch and return its verdicts; if it fails, take everything back and return None."""
        try:
            return self._sequencer.run(commands, now)
        except FencedOffError:
            raise
        except Exception as error:
            self._note(error, commands)
            self._sequencer.recover(now)
            return None

    def _note(self, error: Exception, commands: Sequence[object]) -> None:
        """Log why a batch failed.

        Raises:
            ConnectionError: it failed because a database session is gone.
        """
        if self._sequencer.is_cut_off:
            raise ConnectionError(str(error)) from error
        log.error("sequencer_batch_failed", commands=len(commands), exc_info=error)


def _wait_s(due: datetime | None) -> float | None:
    return None if due is None else min(max(0.0, (due - utc_now()).total_seconds()), LONGEST_WAIT_S)
