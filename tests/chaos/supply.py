"""Providers' agents behind faulty connections, killed at random as their engines are, and an exchange away.

Real processes, but for the engines: those answer like vLLM, with made-up tokens. Each agent reaches the
exchange through a proxy of its own; every upload, and what the gateway reads of it, goes through another.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from config.processes import PROVIDERS, ROOT, Place
from core.supervisor import SupervisorError, child, ready
from core.supervisor.process import Process, State
from tests.e2e.stack import Stack, free_port
from tests.processes.kills import check
from tests.processes.load import Load
from tests.support.faulty_proxy import FaultyProxy, running
from tests.waiting import eventually

WITHIN_S: Final = 120
PAUSE_S: Final = 0.05
"""Before each token of an engine: long enough to be killed within an answer."""
MAX_TOKENS: Final = 32
ASKERS: Final = 4
AGENTS: Final = tuple(f"agent-{name}" for name in PROVIDERS)
ENGINES: Final = tuple(f"engine-{name}" for name in PROVIDERS)
EXCHANGE: Final = ("web", "relay")


@dataclass(frozen=True)
class Supply:
    """The supply side, and who asks it."""

    stack: Stack
    load: Load
    proxies: Mapping[str, FaultyProxy]
    """By agent, and the relay's."""

    def outage(self, seconds: float) -> None:
        """Have web and relay hang for so long, and die then."""
        pids = [pid for name in EXCHANGE if (pid := self.stack.supervisor.pid(name)) is not None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)  # that long nothing can be waited for: it is the outage
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for name, pid in zip(EXCHANGE, pids, strict=True):
            self.restarted(name, pid)

    def restarted(self, name: str, pid: int | None) -> None:
        """Wait until the supervisor has started a killed process again and it is ready."""
        eventually(lambda: self.stack.supervisor.pid(name) not in (None, pid), within_s=WITHIN_S)
        self.stack.wait_ready(name, WITHIN_S)

    def misfortune(self, numbers: random.Random) -> None:
        """Wait for a moment of the load and let something happen; what is down just now stays so."""
        enough = self.load.acknowledged + numbers.randint(0, 3)
        eventually(lambda: self.load.acknowledged >= enough, within_s=WITHIN_S)
        what = numbers.choice((*AGENTS, *ENGINES, "sever"))
        if what == "sever":
            self.proxies[numbers.choice(sorted(self.proxies))].sever()
        elif self.stack.supervisor.state(what) is State.UP:
            with suppress(SupervisorError):  # it may end by itself in this moment: that will do
                self.stack.kill(what)

    def recover(self) -> None:
        """End the faults, and wait until everybody is served again."""
        for proxy in self.proxies.values():
            proxy.end()
        for name in (*AGENTS, *ENGINES):
            self.stack.wait_ready(name, WITHIN_S)
        enough = self.load.acknowledged + ASKERS
        eventually(lambda: self.load.acknowledged >= enough, within_s=WITHIN_S)


@contextmanager
def supply(var: Path, *, seed: int, hole_s: float) -> Iterator[Supply]:
    """Run it all, with connections that are good until their `begin`."""
    place = Place(var, free_port(), free_port(), free_port())
    proxies = {
        name: FaultyProxy(
            place.relay_port if name == "relay" else place.port, seed=seed + number, hole_s=hole_s
        )
        for number, name in enumerate((*AGENTS, "relay"))
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(child, "BACKOFF_MAX_S", child.BACKOFF_FIRST_S))
        stack.enter_context(running(*proxies.values()))
        engines = {name: _engine(name, free_port()) for name in ENGINES}
        environment = {
            name: {"CUX_RELAY_URL": proxies["relay"].url} for name in ("web", "worker", "beat", "sequencer")
        }
        for agent, engine in zip(AGENTS, ENGINES, strict=True):
            environment[agent] = {
                "CUX_EXCHANGE_URL": proxies[agent].url,
                "CUX_DEMO_ENGINE_URL": engines[engine][1],
            }
        whole = Stack(
            var, place=place, beside=[process for process, _ in engines.values()], environment=environment
        )
        stack.callback(whole.stop)
        whole.start()
        load = Load(whole.market(lambda _line: None), traders=0, askers=ASKERS, max_tokens=MAX_TOKENS)
        stack.callback(load.market.close)
        yield Supply(whole, load, proxies)


def chaos(var: Path, *, seed: int, misfortunes: int, outage_s: float, hole_s: float) -> Mapping[str, int]:
    """Let so many things go wrong under load, an outage of the exchange among them; return the figures."""
    numbers = random.Random(seed)
    with supply(var, seed=seed, hole_s=hole_s) as scene:
        with scene.load.running():
            for proxy in scene.proxies.values():
                proxy.begin()
            for number in range(misfortunes):
                if number == misfortunes // 2:
                    scene.outage(outage_s)
                scene.misfortune(numbers)
            scene.recover()
        found = check(scene.stack, scene.load)
        moved = _moved(scene.stack)
    met: Counter[str] = Counter()
    for proxy in scene.proxies.values():
        met += proxy.met
    return {"misfortunes": misfortunes, "moved": moved, **found, **met}


def _moved(stack: Stack) -> int:
    """Return how many jobs took more than one lease."""
    with stack.connect() as database:
        found = database.execute("SELECT count(*) FROM inference_job WHERE epoch > 1").fetchone()
    assert found is not None
    return int(found[0])


def _engine(name: str, port: int) -> tuple[Process, str]:
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "tests.processes.engine", str(port), str(PAUSE_S)]
    return Process(name=name, argv=argv, cwd=ROOT, ready=ready.http_ok(f"{url}/health")), url
