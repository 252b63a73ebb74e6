"""The socket of the sequencer: reads commands into the inbox, writes verdicts back.

It runs in a thread of its own, so that the next batch gathers while the writer waits for a commit.
The number of commands inside is bounded: beyond it new ones are refused at once, cancels pass.
"""

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import msgspec
import structlog

from exchange.sequencer import protocol as p
from exchange.sequencer.door import Door
from exchange.sequencer.views import refusal

log = structlog.get_logger(__name__)


class Item(NamedTuple):
    """A command that waits, and where its verdict goes."""

    connection: "_Connection"
    request_id: int
    command: p.Command
    allowance: p.Allowance | None


Inbox = SimpleQueue[list[Item] | None]
"""Commands for the writer, as they came together; None asks it to stop.

Its `put` is safe inside a signal handler."""


class Server:
    """Listens on a unix socket that only this user may open."""

    def __init__(self, *, path: Path, inbox: Inbox, limit: int) -> None:
        """Prepare to listen on `path`, letting at most `limit` commands wait (cancels not counted out)."""
        self.inbox = inbox
        self._path = path
        self._door = Door(limit)
        self._loop = asyncio.new_event_loop()
        self._connections: set[_Connection] = set()
        self._thread = threading.Thread(target=self._run, name="sequencer-socket", daemon=True)

    def start(self) -> None:
        """Listen; when this returns, clients can connect."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        """Stop listening, send what is left to send, close every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def answer(self, items: Sequence[Item], verdicts: Sequence[p.Verdict]) -> None:
        """Send verdicts to where the commands came from. For the writer's thread."""
        self._loop.call_soon_threadsafe(self._deliver, items, verdicts)

    def accept(self, connection: "_Connection", requests: Sequence[p.Request]) -> None:
        """Queue commands that came together, and refuse at once those that cannot be."""
        items = []
        for request in requests:
            error, allowance = self._door.admit(request)
            if error is None:
                items.append(Item(connection, request.id, request.command, allowance))
            else:
                connection.send([p.frame(p.Reply(request.id, refusal(error), allowance))])
        if items:
            self.inbox.put(items)

    def _deliver(self, items: Sequence[Item], verdicts: Sequence[p.Verdict]) -> None:
        self._door.leave(item.command for item in items)
        replies: defaultdict[_Connection, list[bytes]] = defaultdict(list)
        for item, verdict in zip(items, verdicts, strict=True):
            replies[item.connection].append(p.frame(p.Reply(item.request_id, verdict, item.allowance)))
        for connection, frames in replies.items():
            connection.send(frames)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._listener = await self._loop.create_unix_server(self._connected, str(self._path))
        finally:
            os.umask(before)

    def _connected(self) -> "_Connection":
        return _Connection(self, self._connections)

    async def _close(self) -> None:
        self._listener.close()
        waiting = [connection.close() for connection in list(self._connections)]
        await asyncio.gather(*waiting)


class _Connection(asyncio.Protocol):
    """One client: frames in, frames out."""

    def __init__(self, server: Server, connections: set["_Connection"]) -> None:
        self._server = server
        self._connections = connections
        self._buffer = bytearray()
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._server.accept(self, [p.decode_request(frame) for frame in p.frames(self._buffer)])
        except (ValueError, msgspec.DecodeError) as error:
            log.warning("sequencer_bad_frame", error=str(error))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._closed.set_result(None)

    def send(self, frames: Sequence[bytes]) -> None:
        """Send frames, unless the client has gone."""
        if not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    def close(self) -> "asyncio.Future[None]":
        """Close once everything is sent; the future is done then."""
        self._transport.close()
        return self._closed
