"""A TCP proxy that fails as networks do: late, reset, silent, half closed; which is drawn by a seed."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

FAULTS: Final = ("latency", "reset", "black hole", "half-close")
CLEAN: Final = "clean"
PIECE: Final = 4_096
FAILS_AFTER_BYTES: Final = 6_000
"""A connection that fails does so after so many bytes at most, both directions together."""
LATENCY_S: Final = (0.002, 0.05)
_RST: Final = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Link:
    """One connection through the proxy: what becomes of it, and after how many bytes."""

    fate: str
    left_bytes: int
    latency_s: float
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    is_silent: bool = False

    def reset(self) -> None:
        """Break both sides off, as a host that knows nothing of the connection does."""
        for writer in self.writers:
            ours = writer.get_extra_info("socket")
            if ours is not None and not writer.transport.is_closing():
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            writer.transport.abort()


class FaultyProxy:
    """Passes connections on to a port of this machine. Without `begin`, and after `end`, it is a good one.

    `met` counts what became of connections since. `hole_s` is how long a black hole keeps both sides
    waiting before it resets them: what is sent meanwhile is swallowed.
    """

    def __init__(self, port: int, *, seed: int, faulty_percent: int = 40, hole_s: float = 2.0) -> None:
        """Say where to; nothing listens yet."""
        self._target = port
        self._numbers = random.Random(seed)
        self._faulty_percent = faulty_percent
        self._hole_s = hole_s
        self._is_faulty = False
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.met: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Return where to go instead of straight there."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Have a share of the connections made from now on fail."""
        self._is_faulty = True

    def end(self) -> None:
        """Pass everything on again."""
        self._is_faulty = False

    def sever(self) -> None:
        """Reset every connection there is now."""
        for link in list(self._links):
            link.reset()

    async def serve(self, stop: asyncio.Event, ready: threading.Event) -> None:
        """Listen until `stop`."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        self.sever()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = self._draw()
        link.writers.append(writer)
        self._links.add(link)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            link.writers.append(back)
            await asyncio.gather(self._pass(link, reader, back), self._pass(link, there, writer))
        except OSError:
            pass  # nobody listens there, or one side broke off: so does the other
        finally:
            link.reset()
            self._links.discard(link)
            self._tasks.discard(task)

    def _draw(self) -> Link:
        fails = self._is_faulty and self._numbers.randrange(100) < self._faulty_percent
        fate = self._numbers.choice(FAULTS) if fails else CLEAN
        self.met[fate] += self._is_faulty
        after, late_s = self._numbers.randrange(FAILS_AFTER_BYTES), self._numbers.uniform(*LATENCY_S)
        return Link(fate, after, late_s)

    async def _pass(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one direction on, until it ends or the link's fate comes."""
        while data := await reader.read(PIECE):
            if link.fate == "latency":
                await asyncio.sleep(link.latency_s)
            link.left_bytes -= len(data)
            if link.fate not in (CLEAN, "latency") and link.left_bytes < 0:
                await self._fail(link, writer)
                return
            if not link.is_silent:
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _fail(self, link: Link, writer: asyncio.StreamWriter) -> None:
        if link.fate == "half-close":
            with contextlib.suppress(OSError):
                writer.write_eof()  # the other direction goes on
            return
        if link.fate == "black hole":
            link.is_silent = True
            await asyncio.sleep(self._hole_s)
        link.reset()


@contextmanager
def running(*proxies: FaultyProxy) -> Iterator[None]:
    """Run proxies in a thread of their own until the end of the block."""
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    ready = [threading.Event() for _ in proxies]

    async def main() -> None:
        await asyncio.gather(*(proxy.serve(stop, told) for proxy, told in zip(proxies, ready, strict=True)))

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    try:
        for told in ready:
            assert told.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
