"""A server shaped like vLLM's that answers at once, in a thread of this process."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final

from tests.http_server import Exchange, serve

TOKENS: Final = 6
"""Of every answer, unless fewer were asked for."""


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


async def _answer(call: Exchange) -> None:
    """Say that all is well, or stream a short completion."""
    if call.path != "/v1/completions":
        await call.answer(200, {})
        return
    asked = await call.json()
    await call.start(200, "text/event-stream")
    count = min(asked["max_tokens"], TOKENS)
    for number in range(count):
        choice = {"token_ids": [100 + number], "finish_reason": "length" if number == count - 1 else None}
        await call.send(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    await call.send(b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')
    await call.end()
