"""The engine this agent serves with: one it starts and keeps running, or one that runs already."""

import asyncio
import logging
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from agent import guard as guard_program
from agent.backoff import Backoff
from agent.causes import explain
from agent.crash_loop import CrashLoop
from agent.engine_client import EngineClient
from agent.guard import kill_session

log = logging.getLogger("cux.agent.engine")

EngineStatus = Literal["starting", "ready", "unreachable", "restarting", "crash_loop", "stopped"]
Command = Callable[[], tuple[list[str], str]]
"""Draws a free port; returns the argument list of a server on it, and the server's URL."""

POLL_S = 0.2
HEALTH_S = 5.0
HEALTH_MISSES = 3
SETTLED_S = 60.0
"""A server that was ready this long starts with a clean slate when it crashes."""
STOP_GRACE_S = 10.0
LAST_LINES = 20


class Engine(ABC):
    """What the daemon needs to know of an engine: its client, its state, and when that changes."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.status: EngineStatus = "starting"
        self.problem = ""
        self.client: EngineClient | None = None
        self.ready = asyncio.Event()
        self.on_change: Callable[[], None] = lambda: None

    @abstractmethod
    async def run(self) -> None:
        """Keep the engine's state true, and the engine running, until cancelled."""

    def _set(self, status: EngineStatus, problem: str = "") -> None:
        if (status, problem) == (self.status, self.problem):
            return
        self.status, self.problem = status, problem
        if status == "ready":
            self.ready.set()
        else:
            self.ready.clear()
        log.log(logging.ERROR if problem else logging.INFO, "engine %s %s", status, problem)
        self.on_change()

    async def _watch(self, client: EngineClient) -> None:
        """Return when a ready engine has missed its health checks."""
        misses = 0
        while misses < HEALTH_MISSES:
            await asyncio.sleep(HEALTH_S)
            misses = 0 if await client.is_healthy() else misses + 1


class AttachedEngine(Engine):
    """An engine that somebody else runs, at a URL."""

    def __init__(self, client: EngineClient, *, model: str) -> None:
        super().__init__(model)
        self.client = client

    async def run(self) -> None:
        """Follow the engine's health until cancelled."""
        assert self.client is not None
        backoff = Backoff()
        try:
            while True:
                if await self.client.is_healthy():
                    backoff.reset()
                    self._set("ready")
                    await self._watch(self.client)
                self._set("unreachable", f"no engine answers at {self.client.url}")
                await asyncio.sleep(backoff.next_s())
        finally:
            self._set("stopped")
            await self.client.close()


class OwnEngine(Engine):
    """A vLLM server of this agent: started, watched, restarted after a crash, ended with the agent."""

    def __init__(
        self, command: Command, *, model: str, environment: Mapping[str, str], log_path: Path, start_s: float
    ) -> None:
        super().__init__(model)
        self._command = command
        self._environment = dict(environment)
        self._log_path = log_path
        self._start_s = start_s
        self._backoff = Backoff(first_s=1.0, longest_s=60.0)
        self._loop = CrashLoop()

    async def run(self) -> None:
        """Start the engine, and again after each crash, until cancelled; then end all its processes."""
        clock = asyncio.get_running_loop()
        try:
            while True:
                problem = await self._run_once()
                self._loop.crashed(clock.time())
                looping = self._loop.is_looping(clock.time())
                self._set("crash_loop" if looping else "restarting", problem)
                await asyncio.sleep(self._backoff.next_s())
        finally:
            self._set("stopped")

    async def _run_once(self) -> str:
        """Run one server until it ends or stops answering; return what went wrong."""
        arguments, url = self._command()
        with self._log_path.open("ab") as log_file:
            start = log_file.tell()
            guard = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                guard_program.__file__,
                str(os.getpid()),
                str(STOP_GRACE_S),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env=self._environment,
                start_new_session=True,
            )
        client = EngineClient(url, model=self.model)
        try:
            problem = await self._serve(client, guard)
        finally:
            self.client = None
            await client.close()
            await _end(guard)
        return explain(f"{problem}; its last lines:\n{_last_lines(self._log_path, start)}")

    async def _serve(self, client: EngineClient, guard: asyncio.subprocess.Process) -> str:
        """Report the server ready once it answers; return why it is not any more."""
        ended = asyncio.create_task(guard.wait())
        answers = asyncio.create_task(_until_healthy(client))
        try:
            await asyncio.wait({ended, answers}, timeout=self._start_s, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return f"vLLM ended with status {ended.result()} while it started"
            if not answers.done():
                return f"vLLM did not answer within {self._start_s:g} s"
            return await self._serve_ready(client, ended)
        finally:
            answers.cancel()
            ended.cancel()

    async def _serve_ready(self, client: EngineClient, ended: asyncio.Task[int]) -> str:
        self.client = client
        self._set("ready")
        watch = asyncio.create_task(self._watch(client))
        try:
            await asyncio.wait({ended, watch}, timeout=SETTLED_S, return_when=asyncio.FIRST_COMPLETED)
            if not (ended.done() or watch.done()):
                self._loop.settled()
                self._backoff.reset()
                await asyncio.wait({ended, watch}, return_when=asyncio.FIRST_COMPLETED)
            return f"vLLM ended with status {ended.result()}" if ended.done() else "vLLM stopped answering"
        finally:
            watch.cancel()


async def _until_healthy(client: EngineClient) -> None:
    while True:
        if await client.is_healthy():
            return
        await asyncio.sleep(POLL_S)


async def _end(guard: asyncio.subprocess.Process) -> None:
    """End the guard and with it the server; leave no process of its session, whatever happens."""
    try:
        if guard.returncode is None:
            guard.terminate()
        async with asyncio.timeout(STOP_GRACE_S + 5):
            await guard.wait()
    except (TimeoutError, ProcessLookupError):
        log.warning("the engine's guard does not end; killing its session")
    finally:
        kill_session(guard.pid)


def _last_lines(path: Path, start: int) -> str:
    """The end of what a server wrote to its log from `start` on."""
    with path.open("rb") as stream:
        stream.seek(max(start, path.stat().st_size - 65_536))
        lines = stream.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-LAST_LINES:])
