"""How the rest of CUX talks to the sequencer: `submit` in an event loop, `submit_sync` in a thread.

An event loop keeps one connection for all its commands; a thread makes one for each. Whether a command
whose connection broke was carried out is unknown: the caller gets SEQUENCER_UNAVAILABLE and repeats it
under the same key.
"""

import asyncio
import itertools
import socket
from typing import Final, cast
from weakref import WeakKeyDictionary

from django.conf import settings

from core.errors import Code, CuxError
from exchange.sequencer import protocol as p

TIMEOUT_S: Final = 10.0
_SWEEP_S: Final = 0.2
RETRY_AFTER_S: Final = 1
_BUSY: Final = Code.SEQUENCER_BUSY.spec.status
_UNAVAILABLE_CODES: Final = {
    Code.SEQUENCER_BUSY.wire: Code.SEQUENCER_BUSY,
    Code.SEQUENCER_UNAVAILABLE.wire: Code.SEQUENCER_UNAVAILABLE,
}


def submit_sync(
    command: p.Command, timeout_s: float = TIMEOUT_S, *, caller: p.Caller | None = None
) -> p.Verdict:
    """Have a command decided and return the verdict; over the caller's quota it is RATE_LIMITED.

    Raises:
        CuxError: SEQUENCER_BUSY, SEQUENCER_UNAVAILABLE (retry under the same key), NUMBER_TOO_LARGE.
    """
    message = _frame(p.Request(0, command, caller))
    try:
        reply = _exchange(message, timeout_s)
    except OSError as error:
        raise _unavailable() from error
    return _checked(reply).verdict


async def submit(command: p.Command) -> p.Verdict:
    """Have a command decided and return the verdict. Raises as `submit_sync`."""
    return (await ask(command, None)).verdict


async def ask(command: p.Command, caller: p.Caller | None) -> p.Reply:
    """Have a caller's command decided; return the verdict and what he may still send.

    Raises as `submit_sync`. A command over the caller's quota is a verdict: RATE_LIMITED.
    """
    try:
        link = _live_link()
        if link is None:
            link = await asyncio.wait_for(_link(), TIMEOUT_S)
        return _checked(await link.ask(command, caller))
    except (OSError, TimeoutError) as error:
        raise _unavailable() from error


async def close() -> None:
    """Close this event loop's connection, if it has one; the next `submit` makes a new one."""
    task = _links.pop(asyncio.get_running_loop(), None)
    if task is not None and not _is_dead(task):
        link = await task
        link.transport.close()
        await link.closed


def _frame(request: p.Request) -> bytes:
    try:
        return p.frame(request)
    except OverflowError as error:
        raise CuxError(Code.NUMBER_TOO_LARGE) from error


def _checked(reply: p.Reply) -> p.Reply:
    if reply.status == _BUSY:
        code = _UNAVAILABLE_CODES[reply.verdict.body["error"]["code"]]
        raise CuxError(code, retry_after_s=RETRY_AFTER_S)
    return reply


def _unavailable() -> CuxError:
    return CuxError(Code.SEQUENCER_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)


def _exchange(message: bytes, timeout_s: float) -> p.Reply:
    """Send one frame and read one, over a connection made for it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(settings.SEQUENCER_SOCKET))
        connection.sendall(message)
        buffer = bytearray()
        while not (complete := p.frames(buffer, p.MAX_REPLY_BYTES)):
            chunk = connection.recv(65_536)
            if not chunk:
                raise ConnectionResetError("the sequencer closed the connection")
            buffer += chunk
    return p.decode_reply(complete[0])


class _Link(asyncio.Protocol):
    """A connection on which many commands wait for their verdicts at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[float, asyncio.Future[p.Reply]]] = {}
        """When it was asked, and who waits: the oldest first."""
        self._buffer = bytearray()
        self._unsent: list[bytes] = []
        self.made = self._loop.create_future()
        self.closed = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.made.set_result(None)
        self._give_up_late_ones()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for frame in p.frames(self._buffer, p.MAX_REPLY_BYTES):
            reply = p.decode_reply(frame)
            asked = self._waiting.pop(reply.id, None)
            if asked is not None and not asked[1].done():
                asked[1].set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sweep.cancel()
        for _, waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the sequencer closed the connection"))
        self._waiting.clear()
        self.closed.set_result(None)

    def _give_up_late_ones(self) -> None:
        """Fail what waits too long, now and again: a timer for each command costs more than its frame."""
        latest = self._loop.time() - TIMEOUT_S
        late = list(itertools.takewhile(lambda number: self._waiting[number][0] <= latest, self._waiting))
        for number in late:
            _, waiting = self._waiting.pop(number)
            if not waiting.done():
                waiting.set_exception(TimeoutError())
        self._sweep = self._loop.call_later(_SWEEP_S, self._give_up_late_ones)

    def _flush(self) -> None:
        """Send at once what was asked in one turn of the loop, so that it can share a batch."""
        self.transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def ask(self, command: p.Command, caller: p.Caller | None) -> "asyncio.Future[p.Reply]":
        """Send a command; return its reply that is to come. TimeoutError if none comes in time."""
        number = next(self._numbers)
        message = _frame(p.Request(number, command, caller))
        waiting: asyncio.Future[p.Reply] = self._loop.create_future()
        self._waiting[number] = self._loop.time(), waiting
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(message)
        return waiting


_links: WeakKeyDictionary[asyncio.AbstractEventLoop, "asyncio.Task[_Link]"] = WeakKeyDictionary()


def _live_link() -> _Link | None:
    """Return this event loop's connection if it stands already."""
    task = _links.get(asyncio.get_running_loop())
    return task.result() if task is not None and task.done() and not _is_dead(task) else None


async def _link() -> _Link:
    """Return this event loop's connection, made by the first who needs it."""
    loop = asyncio.get_running_loop()
    task = _links.get(loop)
    if task is None or _is_dead(task):
        task = _links[loop] = loop.create_task(_connect())
    return await asyncio.shield(task)


def _is_dead(task: "asyncio.Task[_Link]") -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().transport.is_closing()


async def _connect() -> _Link:
    path = str(settings.SEQUENCER_SOCKET)
    _, link = await asyncio.get_running_loop().create_unix_connection(_Link, path)
    await link.made  # not every event loop calls the protocol before it returns
    return link
