"""The engine the agent starts: restarted after a crash, reported if it only crashes, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent import engine as engine_module
from agent import guard, vllm
from agent.backoff import Backoff
from agent.engine import OwnEngine
from tests.waiting import eventually, is_alive

FAKE = Path(__file__).with_name("fake_vllm.py")


class Fake:
    """A fake vLLM, the state of whose processes is known."""

    def __init__(self, directory: Path, modes: list[str]) -> None:
        self.pids_path = directory / "pids"
        self.modes = modes
        self.urls: list[str] = []
        self.engine = OwnEngine(
            self.command, model="m", environment=os.environ, log_path=directory / "engine.log", start_s=10.0
        )
        self.changed = asyncio.Event()
        self.statuses: list[str] = []
        self.engine.on_change = self._note

    def command(self) -> tuple[list[str], str]:
        """The next mode's command, on a new port."""
        self.pids_path.unlink(missing_ok=True)
        port = vllm.free_port()
        mode = self.modes.pop(0) if len(self.modes) > 1 else self.modes[0]
        self.urls.append(f"http://127.0.0.1:{port}")
        return [sys.executable, str(FAKE), str(port), str(self.pids_path), mode], self.urls[-1]

    @property
    def pids(self) -> list[int]:
        """Server and engine process of the last start."""
        return [int(pid) for pid in self.pids_path.read_text().split()]

    async def until(self, status: str) -> None:
        """Wait until the engine reports `status`."""
        async with asyncio.timeout(20):
            while self.engine.status != status:
                self.changed.clear()
                await self.changed.wait()

    def _note(self) -> None:
        self.statuses.append(self.engine.status)
        self.changed.set()


@asynccontextmanager
async def running(directory: Path, *modes: str) -> AsyncIterator[Fake]:
    """Run a fake engine under the agent's supervision."""
    fake = Fake(directory, list(modes))
    task = asyncio.create_task(fake.engine.run())
    try:
        yield fake
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.0)
    monkeypatch.setattr(engine_module, "Backoff", lambda **_: Backoff(first_s=0.02, longest_s=0.02))


def test_a_server_that_answers_is_ready_and_ends_with_the_agent_whole(tmp_path):
    async def scenario() -> None:
        async with running(tmp_path, "serve") as fake:
            await fake.until("ready")
            assert fake.engine.client is not None
            assert fake.engine.client.url == fake.urls[0]
            pids = fake.pids
            assert all(is_alive(pid) for pid in pids)
        assert fake.engine.status == "stopped"
        assert not any(is_alive(pid) for pid in pids)

    asyncio.run(scenario())


def test_a_killed_server_takes_its_engine_along_and_starts_again(tmp_path):
    async def scenario() -> None:
        async with running(tmp_path, "serve") as fake:
            await fake.until("ready")
            pids = fake.pids
            os.kill(pids[0], signal.SIGKILL)
            await fake.until("restarting")
            assert "ended with status 137" in fake.engine.problem
            assert not fake.engine.ready.is_set()
            assert fake.engine.client is None
            assert not any(is_alive(pid) for pid in pids)
            await fake.until("ready")
            assert fake.urls[0] != fake.urls[1]
        assert fake.statuses == ["ready", "restarting", "ready", "stopped"]

    asyncio.run(scenario())


def test_an_engine_that_only_crashes_is_reported_with_its_last_words(tmp_path):
    async def scenario() -> None:
        async with running(tmp_path, "crash") as fake:
            await fake.until("crash_loop")
            assert len(fake.urls) == 3
            assert "ended with status 1 while it started" in fake.engine.problem
            assert fake.engine.problem.endswith("ValueError: no memory for the KV cache")

    asyncio.run(scenario())


def test_an_engine_that_recovers_from_its_crashes_is_ready_again(tmp_path):
    async def scenario() -> None:
        async with running(tmp_path, "crash", "crash", "crash", "serve") as fake:
            await fake.until("ready")
        assert fake.statuses[-3:] == ["crash_loop", "ready", "stopped"]

    asyncio.run(scenario())


def test_a_server_that_never_answers_is_ended_and_started_again(tmp_path):
    async def scenario() -> None:
        async with running(tmp_path, "deaf", "serve") as fake:
            fake.engine._start_s = 0.5
            await fake.until("restarting")
            assert "did not answer within 0.5 s" in fake.engine.problem
            await fake.until("ready")

    asyncio.run(scenario())


def test_a_server_that_stops_answering_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "HEALTH_S", 0.02)

    async def scenario() -> None:
        async with running(tmp_path, "serve") as fake:
            await fake.until("ready")
            pids = fake.pids
            assert fake.engine.client is not None

            async def sick() -> bool:
                return False

            monkeypatch.setattr(fake.engine.client, "is_healthy", sick)
            await fake.until("restarting")
            assert fake.engine.problem.startswith("vLLM stopped answering")
            assert not any(is_alive(pid) for pid in pids)

    asyncio.run(scenario())


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "STOP_GRACE_S", 0.2)

    async def scenario() -> None:
        async with running(tmp_path, "stubborn") as fake:
            await fake.until("ready")
            pids = fake.pids
        assert not any(is_alive(pid) for pid in pids)

    asyncio.run(scenario())


AGENT = """
import os, subprocess, sys
guard, *program = sys.argv[1:]
arguments = [sys.executable, "-I", guard, str(os.getpid()), "1", *program]
subprocess.Popen(arguments, start_new_session=True)
input()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_an_agent_that_is_gone(tmp_path, number):
    pids_path = tmp_path / "pids"
    fake = [sys.executable, str(FAKE), str(vllm.free_port()), str(pids_path), "serve"]
    agent = subprocess.Popen([sys.executable, "-c", AGENT, guard.__file__, *fake], stdin=subprocess.PIPE)
    try:
        eventually(pids_path.exists)
        pids = [int(pid) for pid in pids_path.read_text().split()]
        assert all(is_alive(pid) for pid in pids)
    finally:
        agent.send_signal(number)
        agent.communicate()
    eventually(lambda: not any(is_alive(pid) for pid in pids))


def test_a_guard_whose_agent_is_gone_before_it_starts_starts_nothing(tmp_path):
    pids_path = tmp_path / "pids"
    program = [sys.executable, str(FAKE), "0", str(pids_path), "serve"]
    guarded = subprocess.run([sys.executable, "-I", guard.__file__, "1", "1", *program], check=False)
    assert guarded.returncode == 128 + signal.SIGTERM
    assert not pids_path.exists()
