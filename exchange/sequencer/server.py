"""The socket of the sequencer: reads commands into the inbox, writes verdicts back.

It shares the writer's loop, so that the next batch gathers while a commit is under way.
The number of commands inside is bounded: beyond it new ones are refused at once, cancels pass.
"""

import asyncio
import os
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

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


class Inbox:
    """Commands that wait for the writer, in the order in which they came."""

    def __init__(self) -> None:
        """Start empty."""
        self.is_stopped = False
        """Nothing that comes any more is let in."""
        self._waiting: deque[Item] = deque()
        self._waker: asyncio.Future[None] | None = None

    def put(self, items: Sequence[Item]) -> None:
        """Let commands in."""
        if not self.is_stopped:
            self._waiting += items
            self.wake()

    def stop(self) -> None:
        """Ask the writer to finish what waits."""
        self.is_stopped = True
        self.wake()

    def wake(self) -> None:
        """Have the writer look what there is to do."""
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def take(self, most: int) -> list[Item]:
        """Return what waits, until it counts for so many commands; nothing if nothing does."""
        items = []
        weight = 0
        while self._waiting and weight < most:
            items.append(self._waiting.popleft())
            weight += p.weight_of(items[-1].command)
        return items

    async def something(self, wait_s: float | None) -> None:
        """Wait until something waits, somebody wakes the writer, or so many seconds have passed."""
        if self._waiting or self.is_stopped:
            return
        loop = asyncio.get_running_loop()
        self._waker = loop.create_future()
        timer = None if wait_s is None else loop.call_later(wait_s, self.wake)
        await self._waker
        if timer is not None:
            timer.cancel()


class Server:
    """Listens on a unix socket that only this user may open."""

    def __init__(self, *, path: Path, inbox: Inbox, limit: int) -> None:
        """Prepare to listen on `path`, letting at most `limit` commands wait (cancels not counted out)."""
        self.inbox = inbox
        self._path = path
        self._door = Door(limit)
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen; when this returns, clients can connect."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_unix_server(self._connected, str(self._path))
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening, send what is left to send, close every connection."""
        self._listener.close()
        waiting = [connection.close() for connection in list(self._connections)]
        await asyncio.gather(*waiting)

    def accept(self, connection: "_Connection", requests: Sequence[p.Request]) -> None:
        """Queue commands that came together, and refuse at once those that cannot be."""
        items = []
        for request in requests:
            error, allowance = self._door.admit(request)
            if error is None:
                items.append(Item(connection, request.id, request.command, allowance))
            else:
                connection.send([p.reply_frame(request.id, refusal(error), allowance)])
        if items:
            self.inbox.put(items)

    def answer(self, items: Sequence[Item], verdicts: Sequence[p.Verdict]) -> None:
        """Send verdicts to where the commands came from."""
        self._door.leave(item.command for item in items)
        replies: defaultdict[_Connection, list[bytes]] = defaultdict(list)
        for item, verdict in zip(items, verdicts, strict=True):
            replies[item.connection].append(p.reply_frame(item.request_id, verdict, item.allowance))
        for connection, frames in replies.items():
            connection.send(frames)

    def _connected(self) -> "_Connection":
        return _Connection(self, self._connections)


class _Connection(asyncio.Protocol):
    """One client: frames in, frames out."""

    def __init__(self, server: Server, connections: set["_Connection"]) -> None:
        self._server = server
        self._connections = connections
        self._buffer = bytearray()
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
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
