"""Twenty jobs, while every process is killed with SIGKILL at a named state: each job ends, once.

States are waited for in the database. `delivered` (the job is settling) is held open by a lock that keeps
receipts from being written, so that the kill is sure to hit a settlement under way.
"""

import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from config.demo.steps import Market
from tests.e2e.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

LOTS = 3_000
ENDED = ("completed", "refunded")
WITHIN_S = 240


@dataclass(frozen=True)
class Blow:
    """Kill `process` when a job of the wave is in `state`."""

    process: str
    state: str
    jobs: int


# Losing these costs seconds, never a job: broker, Celery, and our own relay and order entry.
HARMLESS = (
    Blow("worker", "claimed", 2),
    Blow("beat", "streaming", 2),
    Blow("valkey", "streaming", 3),
    Blow("worker", "delivered", 3),
)
HARMFUL = (
    Blow("sequencer", "streaming", 2),
    Blow("relay", "streaming", 2),
    Blow("web", "delivered", 2),
    Blow("agent-northwind", "claimed", 2),
    Blow("engine of agent-southgrid", "streaming", 2),
)


def test_twenty_jobs_survive_the_death_of_every_process(stack: Stack) -> None:
    market = stack.market(lambda _line: None)
    _buy_from_both(market)
    with stack.connect() as database:
        before = _job_ids(database)
        for blow in HARMLESS:
            _wave(stack, market, database, blow)
        first = _job_ids(database) - before
        assert len(first) == 10
        assert _states(database, first) == {"completed": 10}
        for blow in HARMFUL:
            _wave(stack, market, database, blow)
        jobs = _job_ids(database) - before
        assert len(jobs) == 20
        states = _states(database, jobs)
        assert set(states) <= set(ENDED)
        assert states["completed"] >= 15
        sys.stdout.write(f"twenty jobs: {states}\n")
        _assert_each_settled_once(database, jobs)
    market.close()


def _buy_from_both(market: Market) -> None:
    """Give the buyer enough of both providers, so that a job can move from one to the other."""
    for name in (*market.facts["providers"], *market.facts["buyers"]):
        market.call(name, "DELETE", "/v1/orders")
    for name in market.facts["providers"]:
        market.order(name, "sell", LOTS, 2_000)
        assert market.order("ada", "buy", LOTS, 2_000)["status"] == "filled"


def _wave(stack: Stack, market: Market, database: psycopg.Connection[Any], blow: Blow) -> None:
    """Start a few jobs, strike when one of them is in the state, and wait until all have ended."""
    known = _job_ids(database)
    hold = _settlement_held if blow.state == "delivered" else _nothing_held
    with hold(stack):
        callers = [
            threading.Thread(target=_ask, args=(market, number), daemon=True) for number in range(blow.jobs)
        ]
        for caller in callers:
            caller.start()
        eventually(lambda: blow.state in _states(database, _job_ids(database) - known), within_s=WITHIN_S)
        _strike(stack, blow.process)
    for caller in callers:
        caller.join(WITHIN_S)
        assert not caller.is_alive()
    eventually(lambda: set(_states(database, _job_ids(database) - known)) <= set(ENDED), within_s=WITHIN_S)
    _until_whole_again(stack, market)


def _strike(stack: Stack, process: str) -> None:
    kind, _, agent = process.partition(" of ")
    stack.kill_engine(agent) if kind == "engine" else stack.kill(process)


def _until_whole_again(stack: Stack, market: Market) -> None:
    """Wait until every process is back and both providers serve."""
    for name in stack.names:
        stack.wait_ready(name)

    def both_up() -> bool:
        try:
            rows = market.call("ada", "GET", "/v1/providers")["data"]
        except httpx.TransportError:
            return False
        own = [row for row in rows if row["name"] in market.facts["providers"]]
        return [bool(row["up"] and row["models"]) for row in own] == [True, True]

    eventually(both_up, within_s=WITHIN_S)


def _ask(market: Market, number: int) -> None:
    """Ask like a patient caller: repeat under the same key until there is an answer."""
    headers = {"Authorization": f"Bearer {market.key('ada')}", "Idempotency-Key": uuid.uuid4().hex}
    body = {
        "model": market.facts["model"],
        "messages": [{"role": "user", "content": f"Tell me a long story about the number {number}."}],
        "max_tokens": 64,
    }

    def answered() -> bool:
        try:
            answer = httpx.post(
                f"{market.place.url}/v1/chat/completions", headers=headers, json=body, timeout=WITHIN_S
            )
        except httpx.TransportError:
            return False
        return answer.status_code not in (429, 503)

    eventually(answered, within_s=WITHIN_S)


@contextmanager
def _settlement_held(stack: Stack) -> Iterator[None]:
    with stack.connect(as_owner=True) as holder, holder.transaction():
        holder.execute("LOCK TABLE inference_receipt IN SHARE MODE")
        yield


@contextmanager
def _nothing_held(_stack: Stack) -> Iterator[None]:
    yield


def _job_ids(database: psycopg.Connection[Any]) -> set[uuid.UUID]:
    return {row[0] for row in database.execute("SELECT id FROM inference_job")}


def _states(database: psycopg.Connection[Any], jobs: set[uuid.UUID]) -> dict[str, int]:
    query = "SELECT state, count(*) FROM inference_job WHERE id = ANY(%s) GROUP BY state"
    return dict(database.execute(query, [list(jobs)]).fetchall())


def _assert_each_settled_once(database: psycopg.Connection[Any], jobs: set[uuid.UUID]) -> None:
    """Each completed job has one settlement and one receipt, each refunded one neither; no hold is left."""
    completed = _states(database, jobs)["completed"]
    settled = "billing_entry WHERE key = ANY(SELECT 'settle:' || id FROM unnest(%s::uuid[]) AS id)"
    assert _count(database, settled, jobs) == completed
    assert _count(database, "inference_receipt WHERE job_id = ANY(%s)", jobs) == completed
    open_holds = "billing_hold WHERE kind = 'job' AND ended_at IS NULL AND ref = ANY(%s::text[])"
    assert _count(database, open_holds, jobs) == 0


def _count(database: psycopg.Connection[Any], rows: str, jobs: set[uuid.UUID]) -> int:
    found = database.execute(f"SELECT count(*) FROM {rows}", [list(jobs)]).fetchone()
    assert found is not None
    return int(found[0])
