"""From a job's submission to its lease at a provider, and what is left of the jobs when providers die.

    python -m benchmarks.dispatch [--jobs 150] [--survivors 7] [--killed 3] [--load 300] [--callers 24]

Starts PostgreSQL, Valkey, web, relay, worker and clock as `config.processes` does, under `var/bench`, and
agents that speak the provider protocol over HTTP but make their tokens up. `dispatch.claim_p50_ms`: one
caller, one job after the other, from the moment its request is sent to the moment its lease has arrived at an
agent that waits in its long poll. `dispatch.survival`: many callers at once; after a third of the jobs three
providers of ten vanish with all they were at. Every job must end once: `lost` are those that did not,
`double_billed` those charged more than once or beside a refund, `survival` is the share that finished with
an answer. The ledger is verified at the end. One JSON line each.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks import figure, fresh_servers

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

if TYPE_CHECKING:
    from benchmarks.fake_agents import FakeAgent
    from tests.integration.inference.scene import Scene

WARM_UP = 20
SLOTS = 8
TOKENS, PAUSE_S = 20, 0.05
QUANTITY_UCU = 10**7
ENDS_WITHIN_S = 150.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("jobs", 150), ("survivors", 7), ("killed", 3), ("load", 300), ("callers", 24)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    with fresh_servers(VAR), exchange() as url:
        from accounts.services import api_key_create
        from tests.integration.inference.scene import make_scene

        scene = make_scene(
            VAR / "model", providers=arguments.survivors + arguments.killed, quantity_ucu=QUANTITY_UCU
        )
        key = api_key_create(organisation_id=scene.buyer.id, name="bench", scopes=["infer"]).secret
        asyncio.run(Bench(scene, url, key).run(arguments))
        _print_outcome(scene)


@contextmanager
def exchange() -> Iterator[str]:
    """Run what dispatch needs beside the database, and give the address of web."""
    from benchmarks.stack import free_port, started
    from config.processes import Place, all_processes

    place = Place(VAR, free_port(), free_port())
    described = {process.name: process for process in all_processes(place)}
    with ExitStack() as stack:
        for name in ("web", "relay", "worker", "beat"):
            stack.enter_context(started(described[name]))
        yield place.url


class Bench:
    """Callers and agents of one market."""

    def __init__(self, scene: "Scene", url: str, key: str) -> None:
        """Remember where the exchange is and who asks."""
        self._scene, self._url = scene, url
        self._headers = {"Authorization": f"Bearer {key}"}

    async def run(self, arguments: argparse.Namespace) -> None:
        """Print both figures."""
        from benchmarks.fake_agents import FakeAgent

        scene = self._scene
        agents = [FakeAgent(each, scene.model, self._url, slots=SLOTS) for each in scene.agents]
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=self._url, headers=self._headers, timeout=ENDS_WITHIN_S, limits=limits, trust_env=False
        ) as client:
            await asyncio.gather(*(agent.start() for agent in agents))
            await self._claims(client, agents, arguments.jobs)
            for agent in agents:
                agent.tokens, agent.pause_s = TOKENS, PAUSE_S
            await self._survival(client, agents, arguments)
        await asyncio.gather(*(agent.kill() for agent in agents))

    async def _claims(self, client: httpx.AsyncClient, agents: list["FakeAgent"], jobs: int) -> None:
        """Print how long one job after the other waits for its claim."""
        arrived: asyncio.Queue[tuple[float, Any]] = asyncio.Queue()
        for agent in agents:
            agent.claims = arrived
        waits_ms = []
        for _ in range(WARM_UP + jobs):
            sent = time.perf_counter()
            answer = asyncio.create_task(self._ask(client))
            claimed, _ = await arrived.get()
            waits_ms.append((claimed - sent) * 1_000)
            (await answer).raise_for_status()
        ordered = sorted(waits_ms[WARM_UP:])
        figure("dispatch.claim_p50_ms", statistics.median(ordered), "ms")
        figure("dispatch.claim_p99_ms", ordered[int(len(ordered) * 0.99)], "ms")

    async def _survival(
        self, client: httpx.AsyncClient, agents: list["FakeAgent"], arguments: argparse.Namespace
    ) -> None:
        """Print what share of the jobs ends with an answer though providers die."""
        numbers = itertools.count(1)
        statuses: list[int] = []

        async def caller() -> None:
            while (number := next(numbers)) <= arguments.load:
                if number == arguments.load // 3:
                    await asyncio.gather(*(agent.kill() for agent in agents[: arguments.killed]))
                statuses.append((await self._ask(client)).status_code)

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(arguments.callers)))
        figure("dispatch.survival", 100 * statuses.count(200) / len(statuses), "%")
        figure("dispatch.survival_jobs", len(statuses), "jobs")
        figure("dispatch.survival_s", time.perf_counter() - begun, "s")

    async def _ask(self, client: httpx.AsyncClient) -> httpx.Response:
        messages = [{"role": "user", "content": "How long is it?"}]
        body = {"model": self._scene.model.name, "messages": messages, "max_tokens": TOKENS}
        return await client.post("/v1/chat/completions", json=body)


def _print_outcome(scene: "Scene") -> None:
    """Print what the rows and the ledger say of all jobs together."""
    from django.core.management import call_command
    from django.db.models import Count

    from billing.models import Charge
    from inference.models import Job

    jobs = Job.objects.filter(model=scene.model)
    refunded = jobs.filter(state=Job.State.REFUNDED).values_list("id", flat=True)
    charges = Charge.objects.filter(kind="job")
    twice = charges.values("subject_id").annotate(count=Count("id")).filter(count__gt=1).count()
    figure("dispatch.lost", jobs.filter(ended_at__isnull=True).count(), "jobs")
    figure("dispatch.double_billed", twice + charges.filter(subject_id__in=list(refunded)).count(), "jobs")
    figure("dispatch.moved", jobs.filter(epoch__gt=1).count(), "jobs")
    call_command("ledger_verify")


if __name__ == "__main__":
    main()
