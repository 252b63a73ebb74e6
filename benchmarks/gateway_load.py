"""An engine that is as fast as one likes, and callers: both ends of streams, in one event loop.

Every step of the engine gives each stream one token, in a write of its own, whether or not what is between it
and the callers keeps up: what cannot be sent at once waits in the sockets, as it does behind a real engine.
Tokens are counted by what stands for one in the text, which is the same for all of them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

T = TypeVar("T")

TOKEN = 33_333
_MARK = str(TOKEN).encode()
_END = b"0\r\n\r\n"
_WITHIN_S = 120.0


def chunk(data: bytes) -> bytes:
    """Return data as one chunk of a chunked HTTP body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass
class Tally:
    """What the callers have seen: tokens in all, when the last came, and how late each was."""

    steps: list[float] = field(default_factory=list)
    """When the engine made its steps."""
    tokens: int = 0
    last_at: float = 0.0
    late_s: list[float] = field(default_factory=list)


class Caller(asyncio.Protocol):
    """One stream's reader: sends its request, counts what comes, is `done` at the body's end."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request, self._tally = request, tally
        self._rest = b""
        self._seen = 0
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count the tokens of the complete lines."""
        whole, line_feed, rest = (self._rest + data).rpartition(b"\n")
        self._rest = rest
        if not line_feed:
            return
        self._count(whole.count(_MARK))
        if (whole + line_feed).endswith(_END) and not self.done.done():
            self.done.set_result(self._seen)

    def _count(self, tokens: int) -> None:
        if not tokens:
            return
        now = time.perf_counter()
        self._tally.late_s += [now - at for at in self._tally.steps[self._seen : self._seen + tokens]]
        self._tally.tokens += tokens
        self._tally.last_at = now
        self._seen += tokens

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail who waits, if the end has not come."""
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"broken off after {self._seen} tokens: {self._rest!r}"))


class Uploader(asyncio.Protocol):
    """One stream's agent: uploads as the engine's steps come; `done` is the whole answer to it."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._answer = b""
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the upload."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def write(self, data: bytes) -> None:
        """Send this on."""
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Keep the answer."""
        self._answer += data

    def connection_lost(self, exc: Exception | None) -> None:
        """The relay closes after its answer."""
        self.done.set_result(self._answer)


class Engine(asyncio.Protocol):
    """One connection to a fake vLLM server: every POST on it becomes a stream of `streams`."""

    HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    FINE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

    def __init__(self, streams: list[asyncio.Transport]) -> None:
        self._streams = streams
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer; a POST is complete once its body is."""
        self._request += data
        head, found, body = self._request.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"POST "):
            place = head.lower().find(b"content-length: ")
            if len(body) < int(head[place + 16 :].split(b"\r\n", 1)[0]):
                return
            self._transport.write(self.HEAD)
            self._streams.append(self._transport)
        else:
            self._transport.write(self.FINE)
        self._request = b""


async def run_steps(
    streams: Sequence[Callable[[bytes], object]],
    lines: Sequence[bytes],
    last: Sequence[bytes],
    *,
    tokens: int,
    rate: float,
    tally: Tally,
) -> float:
    """Make `tokens` steps, `rate` tokens a second over all streams, and end them; return when it began.

    `lines` and `last` are what each stream is sent at a step and at its end.
    """
    began = time.perf_counter()
    every_s = len(streams) / rate
    for step in range(tokens):
        wait_s = began + step * every_s - time.perf_counter()
        await asyncio.sleep(max(0.0, wait_s))
        tally.steps.append(time.perf_counter())
        for write, line in zip(streams, lines, strict=True):
            write(line)
    for write, line in zip(streams, last, strict=True):
        write(line)
    return began


async def all_done(futures: Sequence["asyncio.Future[T]"]) -> list[T]:
    """Return what each has come to, once all have."""
    async with asyncio.timeout(_WITHIN_S):
        return list(await asyncio.gather(*futures))
