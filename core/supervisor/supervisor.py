"""Runs a list of processes as one: starts them in order, restarts what dies, leaves nothing behind."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from core.embedded.paths import base_directories, run_directory, var_directory
from core.lockfile import LockFile
from core.supervisor.board import Display, StatusFile
from core.supervisor.child import Child, log_tail
from core.supervisor.errors import SupervisorError
from core.supervisor.guard import adopt_orphans
from core.supervisor.process import Process, State

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_TIMEOUT_S = 300.0
TICK_S = 1.0
"""How often the terminal shows that time passes."""


class Supervisor:
    """Supervises `processes` with logs in `<var>/log` and status in `<var>/run/supervisor.json`.

    Either `run()` from the main thread, or, inside an event loop, `async with Supervisor(…) as s` (which is
    `start` and `stop`). Only one may be at work on a `var` at a time. Shows nothing without a `console`.
    """

    def __init__(
        self, processes: Sequence[Process], *, var: Path | str | None = None, console: Console | None = None
    ) -> None:
        self._processes = {process.name: process for process in processes}
        _check_order(processes)
        self._var = var_directory(var)
        self._children: dict[str, Child] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._clock: asyncio.Task[None] | None = None
        self._lock: LockFile | None = None
        self._status = StatusFile(run_directory(self._var) / "supervisor.json")
        self._display = Display(console, self._var / "log") if console else None

    # -- for a program that is nothing but this

    def run(self, main: Callable[["Supervisor"], Awaitable[bool]] | None = None) -> int:
        """Start everything, await `main(self)` if given, and stay until SIGINT, SIGTERM or SIGHUP; then stop.

        If `main` returns False, stop at once. Returns the exit status: 0, or 128 + the signal's number for
        SIGTERM and SIGHUP. Raises SupervisorError if something does not start, and whatever `main` raises.
        """
        return asyncio.run(self._run(main))

    async def _run(self, main: Callable[["Supervisor"], Awaitable[bool]] | None) -> int:
        loop = asyncio.get_running_loop()
        signals: list[signal.Signals] = []
        told = asyncio.Event()

        def on_signal(number: signal.Signals) -> None:
            signals.append(number)
            told.set()

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, on_signal, number)
        work = asyncio.create_task(self._work(main))
        ending = asyncio.create_task(told.wait())
        try:
            await asyncio.wait({ending, work}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() and work.result():
                await ending
        finally:
            for task in (work, ending):
                task.cancel()
            await asyncio.gather(work, ending, return_exceptions=True)
            await self.stop()
        return 128 + signals[0] if signals and signals[0] is not signal.SIGINT else 0

    async def _work(self, main: Callable[["Supervisor"], Awaitable[bool]] | None) -> bool:
        """Start everything and do `main`; return whether to stay."""
        await self.start()
        return True if main is None else await main(self)

    # -- for a program that does something meanwhile

    async def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start all processes in order and wait until each is ready.

        Raises SupervisorError if another supervisor is at work here, or one is not ready in time.
        """
        self._claim()
        adopt_orphans()
        if self._display:
            self._display.open()
            self._clock = asyncio.create_task(self._tick(self._display), name="display")
        for name, process in self._processes.items():
            self._children[name] = self._child(process)
        for name, child in self._children.items():
            self._tasks[name] = asyncio.create_task(self._keep(child), name=name)
        await asyncio.gather(*(self.wait_ready(name, timeout_s=timeout_s) for name in self._children))

    def add(self, process: Process) -> None:
        """Start one more process, which is supervised and stopped as the others; does not wait for it.

        Raises SupervisorError if its name is used, or it starts after one that there is not.
        """
        _check_order([*self._processes.values(), process])
        child = self._child(process)
        self._processes[process.name] = process
        self._children[process.name] = child
        self._tasks[process.name] = asyncio.create_task(self._keep(child), name=process.name)

    async def stop(self) -> None:
        """Stop everything: each process when those that start after it are gone. Idempotent."""
        if self._lock is None:
            return
        gone = {name: asyncio.Event() for name in self._children}
        await asyncio.gather(*(self._stop_after_dependents(child, gone) for child in self._children.values()))
        self._status.remove()
        if self._clock:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        if self._display:
            self._display.close()
        self._lock.close()
        self._lock = None
        self._tasks.clear()

    async def wait_ready(self, name: str, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the process `name` is ready. Raises SupervisorError if it failed or is not in time."""
        child = self._children[name]
        try:
            async with asyncio.timeout(timeout_s):
                await child.settled.wait()
        except TimeoutError:
            raise SupervisorError(
                f"{name} is {child.state.value}, not ready, after {timeout_s:.0f} s. "
                f"{log_tail(child.log_path)}"
            ) from None
        if child.state is State.FAILED:
            raise SupervisorError(f"{name} failed. {log_tail(child.log_path)}")

    def pid(self, name: str) -> int | None:
        """Return the process id of `name` itself (not its guard's), None while it does not run."""
        return self._children[name].pid

    def state(self, name: str) -> State:
        """Return where the process `name` stands."""
        return self._children[name].state

    def restarts(self, name: str) -> int:
        """Return how often the process `name` was started again."""
        return self._children[name].restarts

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process `name`. Raises SupervisorError if it does not run."""
        pid = self.pid(name)
        if pid is None:
            raise SupervisorError(f"{name} does not run ({self.state(name).value}).")
        try:
            os.kill(pid, number)
        except ProcessLookupError:  # it ended just now, and we have not been told yet
            raise SupervisorError(f"{name} has just ended by itself.") from None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- how

    def _child(self, process: Process) -> Child:
        return Child(process, log_path=self._var / "log" / f"{process.name}.log", on_change=self._changed)

    def _claim(self) -> None:
        """Take the lock of this `var`. Raises SupervisorError, naming the holder, if another has it."""
        base_directories(self._var)
        lock = LockFile(run_directory(self._var) / "supervisor.lock")
        if not lock.acquire():
            holder = lock.read_pid()
            lock.close()
            raise SupervisorError(
                f"Another supervisor (process {holder}) is at work on {self._var}. "
                f"Stop it first (kill {holder}), or set CUX_VAR to another directory."
            )
        lock.write_pid(os.getpid())
        self._lock = lock

    async def _keep(self, child: Child) -> None:
        """Wait for what `child` starts after, then keep it alive."""
        self._changed(child)
        for name in child.process.start_after:
            before = self._children[name]
            await before.settled.wait()
            if before.state is State.FAILED:
                return
        await child.keep()

    async def _stop_after_dependents(self, child: Child, gone: dict[str, asyncio.Event]) -> None:
        """Stop `child` once those that start after it are gone."""
        name = child.process.name
        for later in self._processes.values():
            if name in later.start_after:
                await gone[later.name].wait()
        await child.stop()
        task = self._tasks.get(name)
        if task is not None:
            if child.state is State.WAITING:
                task.cancel()  # it waits for something that will not come any more
            await asyncio.gather(task, return_exceptions=True)
        child.finish()
        gone[name].set()

    async def _tick(self, display: Display) -> None:
        """Show every second how long those that start have been at it."""
        while True:
            await asyncio.sleep(TICK_S)
            display.tick(self._children)

    def _changed(self, child: Child) -> None:
        self._status.write(self._children)
        if self._display:
            self._display.show(child.process.name, self._children)


def _check_order(processes: Sequence[Process]) -> None:
    """Raise SupervisorError if a name is used twice, or a process starts after one not listed before it."""
    listed: set[str] = set()
    for process in processes:
        missing = [name for name in process.start_after if name not in listed]
        if missing or process.name in listed:
            reason = f"starts after {missing}, not listed before it" if missing else "is listed twice"
            raise SupervisorError(f"{process.name} {reason}.")
        listed.add(process.name)
