"""One reader per topic and process: however many streams watch a book, it is read once per change.

A feed reads its value when it is woken, at most ten times a second, and hands the newest one to every
watcher. A watcher that is slow skips values; nothing queues up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final, Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

V = TypeVar("V")

INTERVAL_S: Final = 0.1
"""The least time between two readings."""
RECHECK_S: Final = 10.0
"""The value is read this often without being woken, since a notification can be lost."""


class Feed(Generic[V]):
    """The newest value of a topic, read while somebody watches."""

    def __init__(
        self,
        read: Callable[[], Awaitable[V]],
        subscribe: Callable[[], AbstractContextManager[asyncio.Event]],
    ) -> None:
        """Keep how to read the value, and how to be woken when it may have changed."""
        self._read = read
        self._subscribe = subscribe
        self._changed = asyncio.Condition()
        self._version = 0
        self._value: V | None = None
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody watches."""
        return self._watchers == 0

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator["Watcher[V]"]:
        """Yield a watcher; reading stops when the last one leaves."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield Watcher(self)
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                self._task.cancel()
                self._task = None
                self._version = 0

    async def newer_than(self, version: int) -> tuple[int, V]:
        """Return the newest value and its version as soon as it is newer than `version`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._version > version)
            assert self._value is not None
            return self._version, self._value

    async def _run(self) -> None:
        with self._subscribe() as woken:
            while True:
                woken.clear()
                await self._refresh()
                await asyncio.sleep(INTERVAL_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), RECHECK_S)

    async def _refresh(self) -> None:
        """Read; tell the watchers if the value is another one. After a failure they keep the last."""
        try:
            value = await self._read()
        except Exception:
            log.exception("feed_read_failed")
            return
        if self._version and value == self._value:
            return
        async with self._changed:
            self._version, self._value = self._version + 1, value
            self._changed.notify_all()


class Watcher(Generic[V]):
    """One stream's place in a feed."""

    def __init__(self, feed: Feed[V]) -> None:
        """Start before the first value."""
        self._feed = feed
        self._seen = 0

    async def next(self, timeout_s: float) -> V | None:
        """Return the newest value not yet seen; None if there is none within `timeout_s`."""
        try:
            self._seen, value = await asyncio.wait_for(self._feed.newer_than(self._seen), timeout_s)
        except TimeoutError:
            return None
        return value


class Feeds(Generic[V]):
    """The feeds of one kind, by topic; those nobody watches are dropped when another is asked for."""

    def __init__(self, make: Callable[[str], Feed[V]]) -> None:
        """Keep how to make the feed of a topic."""
        self._make = make
        self._feeds: dict[str, Feed[V]] = {}

    def of(self, topic: str) -> Feed[V]:
        """Return the feed of this topic."""
        if topic not in self._feeds:
            self._feeds = {name: feed for name, feed in self._feeds.items() if not feed.is_idle}
            self._feeds[topic] = self._make(topic)
        return self._feeds[topic]
