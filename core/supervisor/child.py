"""One supervised process: started, awaited, restarted with backoff, stopped."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core.supervisor import guard
from core.supervisor.process import Process, Restart, Run, State

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 10.0
HEALTHY_S = 30.0
"""A run that was up this long is forgiven: the next restart waits BACKOFF_FIRST_S again."""
LOG_BYTES_MAX = 10_000_000
_READY_POLL_S = 0.05
_KILL_POLL_S = 0.02
_GUARD_SLACK_S = 5.0
MARKER = "CUX_SUPERVISED"
"""Environment variable of everything we start: supervisor's process id / name."""
_REPOSITORY = Path(__file__).resolve().parents[2]


class Child:
    """The life of one `Process`. `on_change` is called after every change of its state."""

    def __init__(self, process: Process, *, log_path: Path, on_change: Callable[["Child"], None]) -> None:
        self.process = process
        self.log_path = log_path
        self.state = State.WAITING
        self.since = time.monotonic()
        """When it got into this state."""
        self.pid: int | None = None
        self.guard_pid: int | None = None
        self.restarts = 0
        self.settled = asyncio.Event()
        """Set while it is ready, and for good once it is done or has failed."""
        self._mark = f"{os.getpid()}/{process.name}"
        self._on_change = on_change
        self._guard: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    # -- living

    async def keep(self) -> None:
        """Run the process, and again whenever its policy says so, until `stop`."""
        rotate_log(self.log_path)
        backoff_s = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            returncode, healthy_s = await self._live()
            if self._stopping.is_set() or self._is_final(returncode):
                return
            if healthy_s >= HEALTHY_S:
                backoff_s = BACKOFF_FIRST_S
            self.restarts += 1
            self._become(State.BACKOFF)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff_s)
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    async def stop(self) -> None:
        """End the process and everything it started; return when they are gone."""
        self._stopping.set()
        running = self._guard
        if running is not None and running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            try:
                await asyncio.wait_for(running.wait(), self.process.grace_s + _GUARD_SLACK_S)
            except TimeoutError:
                running.kill()
                await running.wait()

    def finish(self) -> None:
        """Note that it is stopped; what ended by itself keeps how it ended."""
        if self.state not in (State.DONE, State.FAILED):
            self._become(State.STOPPED)

    def _is_final(self, returncode: int) -> bool:
        """Say whether a process that ended with `returncode` stays ended, and note how."""
        restart = self.process.restart
        if restart is Restart.ALWAYS or (restart is Restart.ON_FAILURE and returncode != 0):
            return False
        self._become(State.DONE if returncode == 0 else State.FAILED)
        self.settled.set()
        return True

    async def _live(self) -> tuple[int, float]:
        """Run the process once; return its returncode and how many seconds it was ready."""
        loop = asyncio.get_running_loop()
        run = Run(log_path=self.log_path, log_offset=self._begin_log())
        self._become(State.STARTING)
        control = await self._spawn()
        ending = asyncio.create_task(self._read_exit(control))
        ready = asyncio.create_task(self._await_ready(run))
        await asyncio.wait({ending, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready_at = loop.time()
        if not ending.done() and ready.result():
            self._become(State.UP)
            self.settled.set()
            returncode = await ending
        elif not ending.done() and self._guard is not None:
            self._guard.terminate()
            returncode = await ending or 1  # it never became ready: a failure, even if it ends well
        else:
            returncode = await ending
        healthy_s = loop.time() - ready_at if self.state is State.UP else 0.0
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
        self.settled.clear()
        await asyncio.to_thread(end_strays, self.guard_pid, self._mark)
        self.pid = self.guard_pid = None
        return returncode, healthy_s

    async def _spawn(self) -> asyncio.StreamReader:
        """Start the guard with the process below it; return the stream of what the guard tells."""
        ours, theirs = socket.socketpair()
        process = self.process
        options = ["--stop-signal", str(int(process.stop_signal)), "--grace", str(process.grace_s)]
        with self.log_path.open("ab") as log, theirs:
            self._guard = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", guard.__file__, *options, "--", *process.argv),
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                env={**os.environ, **process.env, MARKER: self._mark},
                cwd=process.cwd or _REPOSITORY,
                start_new_session=True,
            )
        self.guard_pid = self._guard.pid
        reader, self._writer = await asyncio.open_connection(sock=ours)
        line = await reader.readline()
        self.pid = int(line.split()[1]) if line else None
        self._on_change(self)
        if self._stopping.is_set():  # `stop` came while there was no guard to tell
            self._guard.terminate()
        return reader

    async def _read_exit(self, control: asyncio.StreamReader) -> int:
        """Wait for the end of process and guard; return the returncode (-9 if the guard was killed)."""
        assert self._guard is not None
        line = await control.readline()
        self._writer.close()
        await self._guard.wait()
        return int(line.split()[1]) if line else -9

    async def _await_ready(self, run: Run) -> bool:
        """Return True once the process is ready, False if it is not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.process.ready_timeout_s):
                while not await self._is_ready(run):  # noqa: ASYNC110  (nothing would set an event)
                    await asyncio.sleep(_READY_POLL_S)
                return True
        return False

    async def _is_ready(self, run: Run) -> bool:
        if self.process.ready is None:
            return True
        try:
            return await self.process.ready(run)
        except Exception:  # refused, reset, garbled: whatever it is, it is not ready yet
            return False

    def _begin_log(self) -> int:
        """Head this run's part of the log; return where it begins."""
        with self.log_path.open("ab") as log:
            log.write(
                f"--- {self.process.name}: started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode()
            )
            return log.tell()

    def _become(self, state: State) -> None:
        self.state = state
        self.since = time.monotonic()
        self._on_change(self)


def end_strays(guard_pid: int | None, mark: str) -> None:
    """Kill what a guard left, something only if it was killed itself: its session, and what we adopted."""
    seen: set[int] = set()
    while left := _strays(guard_pid, mark):
        seen |= left
        guard.kill(left)
        time.sleep(_KILL_POLL_S)
    for pid in seen:
        with contextlib.suppress(ChildProcessError):  # only what we adopted is ours to reap
            os.waitpid(pid, os.WNOHANG)


def _strays(guard_pid: int | None, mark: str) -> set[int]:
    return {
        pid
        for pid, (parent, session) in guard.parents_and_sessions().items()
        if session == guard_pid or (parent == os.getpid() and _has_mark(pid, mark))
    }


def _has_mark(pid: int, mark: str) -> bool:
    """Say whether `pid` was started below the process of this mark (proc(5), environ)."""
    try:
        return f"{MARKER}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or changed user
        return False


def rotate_log(path: Path) -> None:
    """Move a log that has grown past LOG_BYTES_MAX to `<name>.1`, over the one before."""
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_name(path.name + ".1"))


def log_tail(path: Path, lines: int = 8) -> str:
    """Return the last lines of a log, for an error message."""
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"Last lines of {path}:", *text[-lines:]])
