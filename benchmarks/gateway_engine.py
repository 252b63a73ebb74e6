"""What CUX adds to an engine: each request through the whole of it and straight to the same vLLM.

The stack is the demo's with one provider. Straight requests and those through CUX take turns, so that a busy
machine hits both; the engine is idle before each of the single ones.
"""

import asyncio
import shutil
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks import figure
from benchmarks.cpu import cpu_seconds
from config.demo.steps import Market, measure
from tests.e2e.engines import engine_url
from tests.e2e.stack import Stack, engine_pid

CALLERS: Final = 32
LOTS: Final = 20_000
PRICE_TICKS: Final = 2_000
STEPS: Final = ("submitted", "leased", "claimed", "first token")
_WARM: Final = 5
_AT: Final = """
    SELECT extract(epoch FROM j.created_at), extract(epoch FROM l.granted_at),
           extract(epoch FROM l.claimed_at)
    FROM inference_job j JOIN inference_lease l ON l.job_id = j.id WHERE j.id = %s
"""


@dataclass(frozen=True)
class Way:
    """One of the two ways to the engine."""

    url: str
    key: str
    model: str


@dataclass(frozen=True)
class Answer:
    """When the request was sent, its first text and its end came (seconds); tokens; the job's id, if any."""

    sent: float
    first: float
    tokens: int
    job_id: str


def measure_added(var: Path, *, requests: int, tokens: int) -> None:
    """Print what CUX adds to the time to the first token, and what is left of the throughput."""
    shutil.rmtree(var, ignore_errors=True)
    stack = Stack(var, without=("agent-southgrid",))
    stack.start()
    try:
        market = stack.market(lambda _: None)
        _buy(market)
        ours = Way(f"{market.place.url}/v1", market.key("ada"), market.facts["model"])
        straight = Way(f"{engine_url(stack)}/v1", "none", market.facts["model"])
        market.close()
        asyncio.run(_single(stack, ours, straight, requests))
        asyncio.run(_many(stack, ours, straight, tokens))
    finally:
        stack.stop()


def _buy(market: Market) -> None:
    """Have the buyer hold compute for all of it."""
    market.facts["providers"] = {"northwind": market.facts["providers"]["northwind"]}
    measure(market)
    market.order("northwind", "sell", LOTS, PRICE_TICKS)
    taken = market.order("ada", "buy", LOTS, PRICE_TICKS)
    assert taken["status"] == "filled", taken


async def _single(stack: Stack, ours: Way, straight: Way, requests: int) -> None:
    added, whole, base, answers = [], [], [], []
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        for number in range(requests + _WARM):
            plain = await _ask(client, straight, number, 4)
            through = await _ask(client, ours, number, 4)
            await asyncio.sleep(0.1)  # its settlement is over: nothing is left of it for the next one
            if number >= _WARM:
                base.append((plain.first - plain.sent) * 1_000)
                whole.append((through.first - through.sent) * 1_000)
                added.append(whole[-1] - base[-1])
                answers.append(through)
    for percent in (50, 99):
        figure(f"gateway.ttft_added_p{percent}_ms", _percentile(added, percent), "ms")
        figure(f"gateway.ttft_p{percent}_ms", _percentile(whole, percent), "ms", _percentile(base, percent))
    _print_steps(stack, answers)


def _print_steps(stack: Stack, answers: list[Answer]) -> None:
    """Print where the time to the first token goes, at the median."""
    steps: dict[str, list[float]] = {}
    with stack.connect() as database:
        for answer in answers:
            row = database.execute(_AT, [answer.job_id]).fetchone()
            if row is None:
                continue
            moments = [answer.sent, *(float(moment) for moment in row), answer.first]
            for name, (begin, end) in zip(STEPS, pairwise(moments), strict=True):
                steps.setdefault(name, []).append((end - begin) * 1_000)
    for name, times in steps.items():
        figure(f"gateway.ttft_to_{name.replace(' ', '_')}_p50_ms", _percentile(times, 50), "ms")


async def _many(stack: Stack, ours: Way, straight: Way, tokens: int) -> None:
    rates: dict[Way, float] = {}
    pids = {name: pid for name in stack.names if (pid := stack.supervisor.pid(name))}
    pids["engine"] = engine_pid(pids["agent-northwind"])
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False) as client:
        for way in (straight, ours):
            begun, before = time.time(), cpu_seconds(pids)
            answers = await asyncio.gather(
                *(_in_turn(client, way, caller, tokens) for caller in range(CALLERS))
            )
            rates[way] = sum(answers) / (time.time() - begun)
            used = {name: spent - before[name] for name, spent in cpu_seconds(pids).items()}
    figure("gateway.throughput", rates[ours], "tokens/s", rates[straight])
    figure("gateway.throughput_ratio", rates[ours] / rates[straight], "of straight vLLM")
    for name, spent_s in used.items():
        figure(f"gateway.throughput_cpu_{name}", spent_s * 1_000 / sum(answers), "ms per token")


async def _in_turn(client: httpx.AsyncClient, way: Way, caller: int, tokens: int) -> int:
    """Ask two questions, one after the other; return the tokens answered."""
    return sum([(await _ask(client, way, 2 * caller + turn, tokens)).tokens for turn in range(2)])


async def _ask(client: httpx.AsyncClient, way: Way, number: int, tokens: int) -> Answer:
    body: dict[str, Any] = {
        "model": way.model,
        "messages": [{"role": "user", "content": f"Count on from {number + 1_000}, and say nothing else."}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    sent, first, counted, job_id = time.time(), 0.0, 0, ""
    headers = {"Authorization": f"Bearer {way.key}"}
    async with client.stream("POST", f"{way.url}/chat/completions", json=body, headers=headers) as answer:
        assert answer.status_code == httpx.codes.OK, await answer.aread()
        job_id = answer.headers.get("x-cux-job-id", "").removeprefix("job_")
        async for line in answer.aiter_lines():
            if not first and '"content":"' in line and '"content":""' not in line:
                first = time.time()
            if '"completion_tokens":' in line:
                counted = int(line.split('"completion_tokens":')[1].split(",")[0].split("}")[0])
    return Answer(sent, first or time.time(), counted, job_id)


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
