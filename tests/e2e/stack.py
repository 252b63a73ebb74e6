"""The whole of CUX as processes of its own, two real vLLM servers included unless an engine runs already."""

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from config.demo.steps import Market, pay_in
from config.processes import ROOT, Place, all_processes
from core.embedded.environment import load
from core.supervisor.process import Process
from core.supervisor.supervisor import Supervisor

STARTS_WITHIN_S = 420


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """All processes under one supervisor, which runs in a thread of its own.

    Its data lie in `var`, apart from the integration tests'.
    """

    def __init__(
        self,
        var: Path,
        *,
        engine_url: str | None = None,
        without: Sequence[str] = (),
        place: Place | None = None,
        beside: Sequence[Process] = (),
        environment: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Describe it. `beside` runs too; `environment` adds to that of the process of the name."""
        self.place = place or Place(var, free_port(), free_port(), free_port())
        processes = [process for process in all_processes(self.place) if process.name not in without]
        own = {"CUX_DEMO_ENGINE_URL": engine_url} if engine_url else {}
        processes = [
            *beside,
            *(
                replace(process, env={**process.env, **own, **(environment or {}).get(process.name, {})})
                for process in processes
            ),
        ]
        self.names = [process.name for process in processes]
        self.supervisor = Supervisor(processes, var=var)
        self._started: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="stack", daemon=True)

    def start(self) -> None:
        """Start everything, wait until it is ready, and have the buyer who pays by card do so."""
        models = self.place.var / "models"
        self.place.var.mkdir(parents=True, exist_ok=True)
        if not models.exists():
            models.symlink_to(ROOT / "var" / "models")
        self._thread.start()
        self._started.result(STARTS_WITHIN_S)
        market = self.market(lambda _: None)
        pay_in(market)
        market.close()

    def stop(self) -> None:
        """Stop everything and wait until it is gone."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(120)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._supervise())
        finally:
            self._loop.close()

    async def _supervise(self) -> None:
        try:
            async with self.supervisor:
                self._started.set_result(None)
                await self._stop.wait()
        except Exception as failure:
            if self._started.done():
                raise
            self._started.set_exception(failure)

    # -- what tests do with it

    def add(self, process: Process) -> None:
        """Start one more process, once those that it names are ready."""
        self._loop.call_soon_threadsafe(self.supervisor.add, process)

    def kill(self, name: str) -> None:
        """Kill the process of this name with SIGKILL; the supervisor starts it again."""
        self.supervisor.kill(name, signal.SIGKILL)

    def kill_engine(self, agent: str) -> None:
        """Kill the vLLM server below an agent with SIGKILL; the agent starts it again."""
        pid = self.supervisor.pid(agent)
        assert pid is not None
        os.kill(engine_pid(pid), signal.SIGKILL)

    def wait_ready(self, name: str, timeout_s: float = 300) -> None:
        """Wait until a process is ready (again)."""
        future = asyncio.run_coroutine_threadsafe(
            self.supervisor.wait_ready(name, timeout_s=timeout_s), self._loop
        )
        future.result(timeout_s + 5)

    def connect(self, *, as_owner: bool = False) -> psycopg.Connection[Any]:
        """Connect to the stack's database as the app's role, or as its owner."""
        addresses = load(self.place.var, environ={})
        name = "DATABASE_OWNER_URL" if as_owner else "DATABASE_URL"
        return psycopg.connect(addresses[name], autocommit=True)

    def market(self, say: Callable[[str], None]) -> Market:
        """Return the demo's view of the market."""
        return Market(self.place, json.loads((self.place.var / "demo.json").read_text()), say)


def engine_pid(agent_pid: int) -> int:
    """Return the process id of the vLLM server below an agent."""
    return next(child for child in descendants(agent_pid) if _is_engine(command_line(child)))


def _is_engine(words: bytes) -> bool:
    """Tell vLLM's API server from the guard above it, whose command line also names it."""
    return b"vllm.entrypoints" in words and b"guard.py" not in words


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below this one, nearest first."""
    found: list[int] = []
    lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(child) for line in lists for child in line.split()]
    for child in children:
        found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> bytes:
    """Return a process's command line, NUL between its words; empty if it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
