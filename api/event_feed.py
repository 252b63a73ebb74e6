"""One reader per topic and process: rows are read once per notification, encoded once, fanned out as bytes.

A feed keeps its newest events as a ring of encoded frames, numbered without gaps. A stream knows the number
it wants next, so it holds no queue: when woken it takes every frame from there on in one piece. One that
falls off the ring, or takes a piece too slowly, is dropped with a reason and may go on from the number of
its last event, out of the rows if the ring has moved on.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Final, Protocol

import structlog

from core.errors import Code, CuxError
from exchange.selectors.events import Told

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 0.02
"""The least time between two readings: events that come faster are sent together."""
RETRY_S: Final = 1.0
READY_S: Final = 10.0
PAGE: Final = 1_000
RESUME_MAX: Final = 20_000
"""A reader who missed more than this starts again with a snapshot."""
RING_FRAMES: Final = 4_096
RING_BYTES: Final = 8 * 1024 * 1024
SLOW_S: Final = 10.0
"""A reader that takes longer than this for one piece is dropped."""
HEARTBEAT: Final = b": still here\n\n"


class Source(Protocol):
    """Where a feed's events come from, and what they add up to."""

    async def load(self) -> int:
        """Read the state anew; return the number of the last event in it."""

    async def read(self, after: int, limit: int) -> Sequence[Told]:
        """Return the events after this number, in order."""

    def apply(self, told: Told) -> None:
        """Take an event into the state. An error means that the state is wrong and has to be loaded again."""

    def frame(self, told: Told) -> bytes:
        """Return the event as it is sent."""

    async def snapshot(self, reason: str | None) -> tuple[int, bytes]:
        """Return the number of the last event in the state, and the state as it is sent."""


class EventFeed:
    """The newest events of a topic, read while somebody follows."""

    def __init__(
        self,
        source: Source,
        subscribe: Callable[[], AbstractContextManager[asyncio.Event]],
        heartbeat_s: float = 10.0,
        ready_s: float = READY_S,
    ) -> None:
        """Keep the source, how to be woken if there may be more, how long silence and the start may last."""
        self._source = source
        self._subscribe = subscribe
        self._heartbeat_s, self._ready_s = heartbeat_s, ready_s
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._sequence = 0
        self._joined: tuple[int, int, bytes] = (0, 0, b"")
        self._waiting: list[asyncio.Future[bool]] = []
        self._ready = asyncio.Event()
        self._followers = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def followers(self) -> int:
        """Return how many follow."""
        return self._followers

    async def follow(self, last: int | None) -> AsyncGenerator[bytes, None]:
        """Yield what to send to a reader, without end: from after event `last`, else with a snapshot first.

        Raises:
            CuxError: SLOW_READER; DEPENDENCY_UNAVAILABLE, the database does not answer.
        """
        async with self._following():
            after = last
            if last is not None:
                async for piece, end in self._missed(last):
                    yield piece
                    after = end
            if after is None or after > self._sequence or after < self._oldest - 1:
                after, piece = await self._source.snapshot(None if last is None else "resync")
                yield piece
            while True:
                piece, after = await self._next(after)
                offered_at = time.monotonic()
                yield piece
                if time.monotonic() - offered_at > SLOW_S:
                    raise CuxError(Code.SLOW_READER)

    @property
    def _oldest(self) -> int:
        """The number of the oldest frame in the ring; one more than the newest if it is empty."""
        return self._sequence - len(self._frames) + 1

    @contextlib.asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        self._followers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            await self._until_ready()
            yield
        finally:
            self._followers -= 1
            if self._followers == 0:
                self._task.cancel()
                self._task = None
                self._ready.clear()

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(self._ready_s):
                await self._ready.wait()
        except TimeoutError as error:
            raise CuxError(Code.DEPENDENCY_UNAVAILABLE) from error

    async def _missed(self, after: int) -> AsyncIterator[tuple[bytes, int]]:
        """Yield events from the rows until the ring has the rest; stop early where they are not kept."""
        while self._oldest - RESUME_MAX <= after + 1 < self._oldest:
            rows = await self._source.read(after, PAGE)
            if not rows or rows[0].sequence != after + 1:
                return
            after = rows[-1].sequence
            yield b"".join(self._source.frame(row) for row in rows), after

    async def _next(self, after: int) -> tuple[bytes, int]:
        """Return what comes after this event as soon as there is something, else a heartbeat."""
        while after >= self._sequence:
            waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            if not await waiter:
                return HEARTBEAT, after
        if after < self._oldest - 1:
            raise CuxError(Code.SLOW_READER)
        return self._after(after), self._sequence

    def _after(self, after: int) -> bytes:
        """Return the frames after this number as one piece; the last answer is kept for the next reader."""
        start, end, piece = self._joined
        if (start, end) != (after, self._sequence):
            piece = b"".join(islice(self._frames, after + 1 - self._oldest, None))
            self._joined = (after, self._sequence, piece)
        return piece

    async def _run(self) -> None:
        with self._subscribe() as woken:
            while True:
                woken.clear()
                try:
                    await self._advance()
                except Exception:
                    log.exception("feed_read_failed")
                    await asyncio.sleep(RETRY_S)
                    continue
                await asyncio.sleep(INTERVAL_S)
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        await woken.wait()
                except TimeoutError:
                    self._wake(is_news=False)

    async def _advance(self) -> None:
        """Read what is new, and say so."""
        if not self._ready.is_set():
            self._frames.clear()
            self._bytes, self._sequence = 0, await self._source.load()
            self._wake(is_news=True)
        while rows := await self._source.read(self._sequence, PAGE):
            for row in rows:
                self._take(row)
            self._wake(is_news=True)
            if len(rows) < PAGE:
                break
        self._ready.set()

    def _take(self, told: Told) -> None:
        """Keep an event's frame. If the event does not fit the state, the state is loaded again: who follows

        finds an empty ring and has to come again, for a snapshot.
        """
        try:
            if told.sequence != self._sequence + 1:
                raise ValueError(f"event {told.sequence} follows {self._sequence}")
            self._source.apply(told)
        except ValueError:
            self._ready.clear()
            raise
        frame = self._source.frame(told)
        self._frames.append(frame)
        self._bytes += len(frame)
        self._sequence += 1
        while len(self._frames) > RING_FRAMES or self._bytes > RING_BYTES:
            self._bytes -= len(self._frames.popleft())

    def _wake(self, *, is_news: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(is_news)


class Feeds:
    """The feeds of one kind by topic; those nobody follows are dropped when another is asked for."""

    def __init__(self, make: Callable[[str], EventFeed]) -> None:
        """Keep how to make the feed of a topic."""
        self._make = make
        self._feeds: dict[str, EventFeed] = {}

    @property
    def followers(self) -> int:
        """Return how many follow any of them."""
        return sum(feed.followers for feed in self._feeds.values())

    def of(self, topic: str) -> EventFeed:
        """Return the feed of this topic."""
        if topic not in self._feeds:
            self._feeds = {name: feed for name, feed in self._feeds.items() if feed.followers}
            self._feeds[topic] = self._make(topic)
        return self._feeds[topic]
