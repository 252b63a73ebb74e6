"""A double of an OpenAI-compatible endpoint: answers as a test scripts it, and keeps what it was asked."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from tests.http_server import Exchange, serve

Script = Callable[[str, int], "Said"]
"""(the question's text, which request this is, from 0) → what is answered."""


@dataclass(frozen=True)
class Said:
    """An answer: text and token counts, or another status."""

    text: str = ""
    prompt_tokens: int = 20
    output_tokens: int = 5
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class OpenAIDouble:
    """Serves `model`; `asked` holds the bodies of the requests, `most_at_once` how many ran together."""

    script: Script
    model: str = "double"
    key: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0
    _running: int = 0

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        body = await exchange.json()
        if self.key and exchange.headers.get("authorization") != f"Bearer {self.key}":
            await exchange.refuse(401, "invalid_api_key")
        elif exchange.path == "/v1/models":
            await exchange.answer(200, {"object": "list", "data": [{"id": self.model}]})
        else:
            await self._complete(exchange, body)

    async def _complete(self, exchange: Exchange, body: dict[str, Any]) -> None:
        number = len(self.asked)
        self.asked.append(body)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        await asyncio.sleep(0)  # lets others in
        said = self.script(body["messages"][-1]["content"], number)
        self._running -= 1
        if said.status != 200:
            await exchange.answer(said.status, {"error": {"message": "no"}}, said.headers)
            return
        usage = {"prompt_tokens": said.prompt_tokens, "completion_tokens": said.output_tokens}
        message = {"role": "assistant", "content": said.text}
        await exchange.answer(200, {"choices": [{"index": 0, "message": message}], "usage": usage})


@contextmanager
def running(double: OpenAIDouble) -> Iterator[str]:
    """Run the double in a thread of its own; yields its base URL."""
    loop = asyncio.new_event_loop()
    started: asyncio.Future[str] = loop.create_future()
    stop = asyncio.Event()

    async def serving() -> None:
        async with serve(double.handle) as url:
            started.set_result(url)
            await stop.wait()

    async def wait_for_start() -> str:
        return await started

    task = loop.create_task(serving())
    url = loop.run_until_complete(wait_for_start())
    thread = Thread(target=loop.run_until_complete, args=(task,))
    thread.start()
    try:
        yield f"{url}/v1"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()
