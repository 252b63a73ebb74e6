"""One agent with several engines: leases go to an engine of their model, the least loaded that is up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from agent.engine import AttachedEngine
from agent.engine_client import EngineClient
from agent.served import Served
from tests.integration.agent_world import CARD, World, agent, world

OTHER = msgspec.structs.replace(CARD, model="small", revision="sha256:11")


@asynccontextmanager
async def three_engines() -> AsyncIterator[tuple[World, list[World], list[Served]]]:
    """An exchange, and engines of their own: two serve the tiny model, one another."""
    async with world() as exchange, world() as first, world() as second, world() as third:
        engines = [first, second, third]
        for one in engines:
            one.tokens = asyncio.Semaphore(0)
        places = [
            Served("a", AttachedEngine(EngineClient(first.url, model="tiny"), model="tiny"), CARD, 2),
            Served("b", AttachedEngine(EngineClient(second.url, model="tiny"), model="tiny"), CARD, 2),
            Served("c", AttachedEngine(EngineClient(third.url, model="small"), model="small"), OTHER, 3),
        ]
        yield exchange, engines, places


def run(scenario: Callable[[World, list[World], list[Served]], Awaitable[None]]) -> None:
    """Run a scenario with three engines."""

    async def main() -> None:
        async with three_engines() as found:
            await scenario(*found)

    asyncio.run(main())


def states(exchange: World) -> list[tuple[str, bool, int]]:
    """What the last heartbeat said of each model: ready, and its slots."""
    models = exchange.heartbeats[-1]["models"] if exchange.heartbeats else []
    return [(state["model"], state["ready"], state["slots"]) for state in models]


def test_each_lease_runs_on_the_least_loaded_engine_of_its_model(tmp_path: Path) -> None:
    async def scenario(exchange: World, engines: list[World], places: list[Served]) -> None:
        async with agent(exchange, tmp_path, served=places):
            await exchange.until(lambda: states(exchange) == [("tiny", True, 4), ("small", True, 3)])
            for number in range(4):
                exchange.leases.put_nowait(exchange.lease(f"t{number}"))
            exchange.leases.put_nowait(
                exchange.lease("s0", model="small", card_hash=OTHER.card_hash, model_revision="sha256:11")
            )
            for one, expected in zip(engines, (2, 2, 1), strict=True):
                await one.until(lambda one=one, expected=expected: len(one.completions) == expected)
            await exchange.until(lambda: exchange.heartbeats[-1]["free_slots"] == 2)
            assert [place.free_slots for place in places] == [0, 0, 2]
            for one in engines:
                for _ in range(10):
                    one.tokens.release()
            await exchange.until(lambda: len(exchange.results) == 5)
        assert [sorted({body["model"] for body in one.completions}) for one in engines] == [
            ["tiny"],
            ["tiny"],
            ["small"],
        ]

    run(scenario)


def test_an_engine_that_is_down_takes_its_slots_along_and_no_other(tmp_path: Path) -> None:
    async def scenario(exchange: World, engines: list[World], places: list[Served]) -> None:
        engines[1].engine_up = engines[2].engine_up = False
        async with agent(exchange, tmp_path, served=places):
            await exchange.until(lambda: states(exchange) == [("tiny", True, 2), ("small", False, 0)])
            await exchange.until(lambda: exchange.claims[:1] == [2])
            exchange.leases.put_nowait(exchange.lease("t0"))
            await engines[0].until(lambda: len(engines[0].completions) == 1)
            problems = {state["model"]: state["problem"] for state in exchange.heartbeats[-1]["models"]}
            assert problems["tiny"] == f"b: no engine answers at {engines[1].url}"
            assert problems["small"] == f"no engine answers at {engines[2].url}"
            exchange.leases.put_nowait(exchange.lease("s0", model="small"))
            await exchange.until(lambda: exchange.given_back == {"s0": "card_mismatch"})
            wrong = exchange.lease("s1", model="small", card_hash=OTHER.card_hash, model_revision="sha256:11")
            engines[2].engine_up = True
            await exchange.until(lambda: states(exchange)[1] == ("small", True, 3))
            exchange.leases.put_nowait(wrong)
            await engines[2].until(lambda: len(engines[2].completions) == 1)

    run(scenario)
