"""A small HTTP/1.1 server for tests, on h11: real sockets, streamed bodies both ways, faults on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11


class Disconnect(Exception):
    """Raised by a handler to break the connection off without an answer."""


class Exchange:
    """One request and its answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: h11.Connection
    ) -> None:
        self._reader, self._writer, self._wire = reader, writer, wire
        self.method = self.path = ""
        self.headers: dict[str, str] = {}

    async def event(self) -> Any:
        """The next h11 event of the request."""
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            self._wire.receive_data(await self._reader.read(65_536))
        return event

    async def chunks(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives."""
        while isinstance(event := await self.event(), h11.Data):
            yield bytes(event.data)

    async def json(self) -> Any:
        """The request's body as JSON (None if it is empty)."""
        body = b"".join([chunk async for chunk in self.chunks()])
        return json.loads(body) if body else None

    async def lines(self) -> AsyncIterator[Any]:
        """The request's body as NDJSON, line by line as it arrives; empty lines are skipped."""
        rest = b""
        async for chunk in self.chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(None, lines):
                yield json.loads(line)

    async def start(
        self, status: int, content_type: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        """Begin an answer whose body follows with `send`."""
        said = {"Content-Type": content_type, "Connection": "close"} | (headers or {})
        await self._send(h11.Response(status_code=status, headers=list(said.items())))

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer's body."""
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """End the answer's body."""
        await self._send(h11.EndOfMessage())

    async def answer(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        await self.start(status, headers=headers)
        if body is not None:
            await self.send(json.dumps(body).encode())
        await self.end()

    async def refuse(self, status: int, code: str) -> None:
        """Answer with the one error shape."""
        detail = {"type": "t", "code": code, "message": "no", "param": None, "request_id": "r"}
        await self.answer(status, {"error": detail})

    async def gone(self) -> None:
        """Return when the client has closed its side of the connection."""
        while await self._reader.read(65_536):
            pass

    async def _send(self, event: Any) -> None:
        self._writer.write(self._wire.send(event) or b"")
        await self._writer.drain()


Handler = Callable[[Exchange], Awaitable[None]]


@asynccontextmanager
async def serve(handler: Handler, *, port: int = 0) -> AsyncIterator[str]:
    """Serve `handler` on this port or a free one, one request a connection; yields the URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        exchange = Exchange(reader, writer, h11.Connection(h11.SERVER))
        try:
            request = await exchange.event()
            if isinstance(request, h11.Request):
                exchange.method, exchange.path = request.method.decode(), request.target.decode()
                exchange.headers = {k.decode().lower(): v.decode() for k, v in request.headers}
                await handler(exchange)
        except (Disconnect, ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass  # a connection ends here however it ended; streams log a cancelled handler as an error
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
