"""The relay alone: 200 streams of a fast fake engine through the real process, beside `vllm-router`.

Ours takes uploads, checks and counts every token, writes checkpoints and usage, verifies each provider's
signature at the end, and hands the tokens to as many readers; the rival passes the same engine's events on
and counts nothing. Either has one core to itself; engine, readers and database share the other.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import uvloop

from benchmarks import figure
from benchmarks.cpu import cpu_seconds
from benchmarks.gateway_load import TOKEN, Caller, Engine, Tally, Uploader, all_done, chunk, run_steps

if TYPE_CHECKING:
    from benchmarks.gateway_market import Streams
    from config.processes import Place

ROUTER: Final = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "vllm-router"
_LAST: Final = b"0\r\n\r\n"
_EVENT: Final = {
    "id": "cmpl-8f14e45fceea167a5a36dedd4bea2543",
    "object": "text_completion",
    "created": 1_750_000_000,
    "model": "fake",
    "choices": [
        {"index": 0, "text": " token", "logprobs": None, "finish_reason": None, "token_ids": [TOKEN]}
    ],
    "usage": None,
}


@dataclass(frozen=True)
class Measured:
    """Tokens a second from the first to the last, how late they were, CPU µs of the relay per token."""

    rate: float
    p99_ms: float
    cpu_us: float


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Have what is started within run on this core alone; a machine with one core has no choice."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measure(place: "Place", *, streams: int, tokens: int) -> None:
    """Print how many tokens a second go through, and how late they are at 8,000 a second."""
    from benchmarks.gateway_market import make_streams
    from benchmarks.stack import started
    from config.processes import all_processes

    (process,) = (process for process in all_processes(place) if process.name == "relay")
    with on_core(0):
        relay = started(process)
        child = relay.__enter__()
    try:
        runs = []
        for rate, count in ((1e6, tokens), (8_000.0, tokens // 2)):
            jobs = make_streams(streams, tokens=count)
            runs.append(uvloop.run(_ours(place.relay_port, jobs, child.pid, tokens=count, rate=rate)))
            jobs.settle_all()
    finally:
        relay.__exit__(*sys.exc_info())
    others = _router(place, streams=streams, tokens=tokens)
    _print(runs, others)


def _print(ours: list[Measured], others: list[Measured] | None) -> None:
    fast, slow = others or (None, None)
    figure("gateway.relay", ours[0].rate, "tokens/s", fast.rate if fast else None)
    figure("gateway.relay_cpu", ours[0].cpu_us, "µs per token", fast.cpu_us if fast else None)
    figure("gateway.relay_p99_ms", ours[1].p99_ms, "ms", slow.p99_ms if slow else None)
    if others is None:
        print(f"vllm-router is not installed in {ROUTER.parents[1].name}: `make bench` does", file=sys.stderr)


async def _ours(port: int, jobs: "Streams", pid: int, *, tokens: int, rate: float) -> Measured:
    loop, tally = asyncio.get_running_loop(), Tally()
    callers, uploads = [], []
    for path, headers in jobs.reads():
        request = f"GET {path} HTTP/1.1\r\nHost: relay\r\n{headers}\r\n".encode()
        callers.append((await loop.create_connection(partial(Caller, request, tally), "127.0.0.1", port))[1])
    for path, headers in jobs.uploads():
        head = f"POST {path} HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n{headers}\r\n".encode()
        uploads.append((await loop.create_connection(partial(Uploader, head), "127.0.0.1", port))[1])
    await jobs.all_open()
    line = chunk(msgspec.json.encode({"type": "tokens", "ids": [TOKEN]}) + b"\n")
    last = [chunk(end) + _LAST for end in jobs.endings()]
    before = cpu_seconds({"relay": pid})["relay"]
    writes = [each.write for each in uploads]
    began = await run_steps(writes, [line] * len(writes), last, tokens=tokens, rate=rate, tally=tally)
    seen = await all_done([each.done for each in callers])
    used = cpu_seconds({"relay": pid})["relay"] - before
    answers = await all_done([each.done for each in uploads])
    assert seen == [tokens] * len(seen), seen
    assert all(b'"accepted"' in answer for answer in answers), answers[:3]
    return _measured(tally, began, used)


def _measured(tally: Tally, began: float, cpu_s: float) -> Measured:
    late = sorted(tally.late_s)
    p99_ms = late[int(len(late) * 0.99)] * 1_000
    return Measured(tally.tokens / (tally.last_at - began), p99_ms, cpu_s * 1e6 / tally.tokens)


def _router(place: "Place", *, streams: int, tokens: int) -> list[Measured] | None:
    """Return the rival's figures for both rates; None if it is not here."""
    if not ROUTER.exists():
        return None
    runs = ((1e6, tokens), (8_000.0, tokens // 2))
    return [uvloop.run(_theirs(place, streams=streams, tokens=count, rate=rate)) for rate, count in runs]


async def _theirs(place: "Place", *, streams: int, tokens: int, rate: float) -> Measured:
    from benchmarks.stack import free_port, started

    loop, tally = asyncio.get_running_loop(), Tally()
    open_streams: list[asyncio.Transport] = []
    engine = await loop.create_server(lambda: Engine(open_streams), "127.0.0.1", 0)
    engine_port, port = engine.sockets[0].getsockname()[1], free_port()
    with on_core(0):
        running = started(_router_process(place, engine_port, port))
        child = await asyncio.to_thread(running.__enter__)
    try:
        body = msgspec.json.encode({"model": "fake", "prompt": [1], "stream": True, "max_tokens": tokens})
        head = "POST /v1/completions HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        callers = [
            (await loop.create_connection(lambda: Caller(request, tally), "127.0.0.1", port))[1]
            for _ in range(streams)
        ]
        async with asyncio.timeout(30):
            while len(open_streams) < streams:  # noqa: ASYNC110 (a list is looked at, not an event)
                await asyncio.sleep(0.01)
        event = chunk(b"data: " + msgspec.json.encode(_EVENT) + b"\n\n")
        last = chunk(b"data: [DONE]\n\n") + _LAST
        before = cpu_seconds({"router": child.pid})["router"]
        writes = [each.write for each in open_streams]
        began = await run_steps(
            writes, [event] * streams, [last] * streams, tokens=tokens, rate=rate, tally=tally
        )
        seen = await all_done([each.done for each in callers])
        used = cpu_seconds({"router": child.pid})["router"] - before
        assert seen == [tokens] * streams, seen
        return _measured(tally, began, used)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
        engine.close()


def _router_process(place: "Place", engine_port: int, port: int) -> Any:
    from core.supervisor import ready
    from core.supervisor.process import Process

    command = [str(ROUTER), "--worker-urls", f"http://127.0.0.1:{engine_port}"]
    return Process(
        name="vllm-router",
        argv=[*command, "--host", "127.0.0.1", "--port", str(port), "--policy", "round_robin"],
        env=place.environment,
        cwd=ROUTER.parents[2],
        ready=ready.http_ok(f"http://127.0.0.1:{port}/health"),
    )
