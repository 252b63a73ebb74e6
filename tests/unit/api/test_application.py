"""The application around the handlers: streams, disconnects, errors nobody expected, request ids."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from api import application
from api.application import Application
from api.http import Request, Response, Stream, event, json_response, unless_gone
from api.routing import Route
from core.errors import Code, CuxError


async def no_django(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("not called")


class Caller:
    """Calls the application once and keeps what it sends."""

    def __init__(self, handler: Any, *, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None):
        self.app = Application((Route("/x", {"GET": handler}),), no_django)
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/x",
            "query_string": b"",
            "headers": headers or [],
        }
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.arrived = asyncio.Event()
        self._bodies = [{"type": "http.request", "body": body}]

    async def receive(self) -> dict[str, Any]:
        if self._bodies:
            return self._bodies.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.arrived.set()

    async def call(self) -> None:
        await self.app(self.scope, self.receive, self.send)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def test_what_nobody_expected_is_a_500_that_leaks_nothing():
    async def scenario() -> None:
        async def handler(request: Request) -> Response:
            raise RuntimeError("password=hunter2")

        caller = Caller(handler, headers=[(b"x-request-id", b"mine")])
        await caller.call()
        assert caller.status == 500
        error = json.loads(caller.body)["error"]
        assert (error["code"], error["type"], error["request_id"]) == ("internal", "api_error", "mine")
        assert b"hunter2" not in caller.body

    asyncio.run(scenario())


def test_when_the_caller_goes_away_the_stream_is_closed():
    async def scenario() -> None:
        closed = asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            try:
                yield event({"n": 1})
                await asyncio.Event().wait()
            finally:
                closed.set()

        async def handler(request: Request) -> Stream:
            return Stream(chunks())

        caller = Caller(handler)
        calling = asyncio.create_task(caller.call())
        while b"data" not in caller.body:
            caller.arrived.clear()
            await caller.arrived.wait()
        assert not closed.is_set()
        caller.gone.set()
        await asyncio.wait_for(calling, 5)
        assert closed.is_set()

    asyncio.run(scenario())


def test_when_the_caller_goes_away_the_work_is_stopped():
    async def scenario() -> None:
        stopped = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        async def handler(request: Request) -> Response:
            await request.body()
            await unless_gone(request, work())
            return json_response({})

        caller = Caller(handler)
        caller.gone.set()
        await asyncio.wait_for(caller.call(), 5)
        assert stopped.is_set()
        assert caller.sent == []

    asyncio.run(scenario())


def test_a_stream_that_fails_ends_with_an_error_event():
    async def scenario() -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield event({"n": 1})
            raise CuxError(Code.DEPENDENCY_UNAVAILABLE)

        async def handler(request: Request) -> Stream:
            return Stream(chunks())

        caller = Caller(handler)
        await caller.call()
        first, last, rest = caller.body.split(b"\n\n")
        assert (first, rest) == (b'data: {"n":1}', b"")
        name, data = last.split(b"\n")
        assert name == b"event: error"
        assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == "dependency_unavailable"
        assert caller.sent[-1] == {"type": "http.response.body", "body": b""}

    asyncio.run(scenario())


def test_a_reader_that_takes_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(application, "STALLED_S", 0.01)

    async def scenario() -> None:
        closed = asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            try:
                yield b"never taken"
            finally:
                closed.set()

        async def handler(request: Request) -> Stream:
            return Stream(chunks())

        caller = Caller(handler)

        async def stuck(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        await asyncio.wait_for(caller.app(caller.scope, caller.receive, stuck), 5)
        assert closed.is_set()

    asyncio.run(scenario())


def test_a_stream_that_fails_on_the_way_says_why_and_ends():
    async def scenario() -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            raise CuxError(Code.SLOW_READER)

        async def handler(request: Request) -> Stream:
            return Stream(chunks())

        caller = Caller(handler)
        await caller.app(caller.scope, caller.receive, caller.send)
        first, last, end = (message["body"] for message in caller.sent[1:])
        assert first == b"data: 1\n\n"
        assert last.startswith(b"event: error\ndata: ")
        assert b'"code":"slow_reader"' in last
        assert end == b""

    asyncio.run(scenario())


def test_another_protocol_than_http_is_closed():
    async def scenario() -> None:
        caller = Caller(no_django)
        await caller.app({"type": "websocket"}, caller.receive, caller.send)
        assert caller.sent == [{"type": "websocket.close", "code": 1000}]

    asyncio.run(scenario())


def test_the_lifespan_ends_with_what_is_to_be_closed():
    async def scenario() -> None:
        closed = []

        async def close() -> None:
            closed.append(True)

        messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
        sent = []

        async def receive() -> dict[str, Any]:
            return messages.pop()

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await Application((), no_django, on_shutdown=close)({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert closed == [True]

    asyncio.run(scenario())
