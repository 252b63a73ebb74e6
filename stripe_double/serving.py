"""A small ASGI server on h11: one process, and it can hang up without an answer, which faults need."""

import asyncio
import contextlib
import socket
from urllib.parse import unquote

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HANG_UP = "double.hang_up"


class _Connection:
    """One connection, request after request."""

    def __init__(self, app: ASGIApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._app, self._reader, self._writer = app, reader, writer
        self._wire = h11.Connection(h11.SERVER)
        self._hung_up = False

    async def serve(self) -> None:
        """Answer until either side closes."""
        with contextlib.suppress(ConnectionError, h11.ProtocolError):
            while isinstance(request := await self._event(), h11.Request):
                body = await self._body()
                await self._app(self._scope(request), _receiver(body), self._sender())
                if self._hung_up or self._wire.our_state is not h11.DONE:
                    break
                self._wire.start_next_cycle()
        self._writer.close()

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            self._wire.receive_data(await self._reader.read(65_536))
        return event

    async def _body(self) -> bytes:
        parts = []
        while isinstance(event := await self._event(), h11.Data):
            parts.append(bytes(event.data))
        return b"".join(parts)

    def _scope(self, request: h11.Request) -> Scope:
        path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": request.http_version.decode(),
            "method": request.method.decode(),
            "scheme": "http",
            "path": unquote(path.decode()),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": self._writer.get_extra_info("peername"),
            "server": self._writer.get_extra_info("sockname"),
        }

    def _sender(self) -> Send:
        async def send(message: Message) -> None:
            if message["type"] == HANG_UP:
                self._hung_up = True
                return
            if message["type"] == "http.response.start":
                response = h11.Response(status_code=message["status"], headers=message["headers"])
                self._writer.write(self._wire.send(response) or b"")
                return
            self._writer.write(self._wire.send(h11.Data(data=message.get("body", b""))) or b"")
            if not message.get("more_body"):
                self._writer.write(self._wire.send(h11.EndOfMessage()) or b"")
            await self._writer.drain()

        return send


def _receiver(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve the application on a listening socket until cancelled."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _Connection(app, reader, writer).serve()
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, sock=listener)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0: a free one. Raises OSError if the port is taken."""
    # Named as TCP: asyncio then sends small answers without waiting for more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener
