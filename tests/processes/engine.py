"""A server shaped like vLLM's that answers at once, in a thread of this process.

Or a process of its own, which can be killed: `python -m tests.processes.engine PORT PAUSE_S`, with so many
seconds before each token.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Final

from tests.http_server import Exchange, serve

TOKENS: Final = 6
"""Of every answer, unless fewer were asked for, or all of them (`ignore_eos`)."""
END: Final = 2
"""The token with which the model of these tests ends an answer."""


@contextmanager
def engine() -> Iterator[str]:
    """Serve until the end of the block; yields the URL."""
    urls: SimpleQueue[str] = SimpleQueue()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with serve(_answer) as url:
            urls.put(url)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def _serve(port: int, pause_s: float) -> None:
    async with serve(partial(_answer, pause_s=pause_s), port=port):
        await asyncio.Event().wait()


async def _answer(call: Exchange, *, pause_s: float = 0.0) -> None:
    """Say that all is well, or stream a short completion."""
    if call.path != "/v1/completions":
        await call.answer(200, {})
        return
    asked = await call.json()
    await call.start(200, "text/event-stream")
    most = asked["max_tokens"]
    ids = list(range(100, 100 + most))
    if most > TOKENS and not asked.get("ignore_eos"):
        ids = [*ids[: TOKENS - 1], END]
    for token in ids[:-1]:
        await asyncio.sleep(pause_s)
        await call.send(_event(token, None))
    await call.send(_event(ids[-1], "length" if len(ids) == most else "stop"))
    await call.send(b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')
    await call.end()


def _event(token: int, finish_reason: str | None) -> bytes:
    choice = {"token_ids": [token], "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
