"""Feeds: read once per change however many watch, newest value first, nothing queued."""

import asyncio
import contextlib
from collections.abc import Iterator

from api import feeds
from api.feeds import Feed, Feeds


class Source:
    """A value that tests change, and the wake-up that goes with it."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.failures = 0
        self.event = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        return self.value

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[asyncio.Event]:
        yield self.event

    def change(self, value: int) -> None:
        self.value = value
        self.event.set()


def test_two_watchers_share_one_reading(monkeypatch):
    monkeypatch.setattr(feeds, "INTERVAL_S", 0.0)

    async def scenario() -> None:
        source = Source()
        feed = Feed(source.read, source.subscribe)
        async with feed.watch() as one, feed.watch() as two:
            assert await one.next(5) == 0
            assert await two.next(5) == 0
            assert source.reads == 1
            source.change(7)
            assert await one.next(5) == 7
            assert await two.next(5) == 7
            assert source.reads == 2
        assert feed.is_idle

    asyncio.run(scenario())


def test_a_slow_watcher_gets_the_newest_value_only(monkeypatch):
    monkeypatch.setattr(feeds, "INTERVAL_S", 0.0)

    async def scenario() -> None:
        source = Source()
        feed = Feed(source.read, source.subscribe)
        async with feed.watch() as slow, feed.watch() as fast:
            assert await slow.next(5) == 0
            assert await fast.next(5) == 0
            for value in (1, 2, 3):
                source.change(value)
                assert await fast.next(5) == value
            assert await slow.next(5) == 3
            assert await slow.next(0.01) is None

    asyncio.run(scenario())


def test_a_wake_up_without_a_change_says_nothing(monkeypatch):
    monkeypatch.setattr(feeds, "INTERVAL_S", 0.0)

    async def scenario() -> None:
        source = Source()
        feed = Feed(source.read, source.subscribe)
        async with feed.watch() as watcher:
            assert await watcher.next(5) == 0
            source.change(0)
            assert await watcher.next(0.05) is None
            assert source.reads == 2

    asyncio.run(scenario())


def test_a_failed_reading_is_tried_again_when_woken(monkeypatch):
    monkeypatch.setattr(feeds, "INTERVAL_S", 0.0)

    async def scenario() -> None:
        source = Source()
        source.failures = 1
        feed = Feed(source.read, source.subscribe)
        async with feed.watch() as watcher:
            assert await watcher.next(0.05) is None
            source.change(4)
            assert await watcher.next(5) == 4

    asyncio.run(scenario())


def test_a_feed_starts_again_after_everybody_left(monkeypatch):
    monkeypatch.setattr(feeds, "INTERVAL_S", 0.0)

    async def scenario() -> None:
        source = Source()
        known = Feeds(lambda topic: Feed(source.read, source.subscribe))
        async with known.of("a").watch() as watcher:
            assert await watcher.next(5) == 0
        source.value = 9
        async with known.of("a").watch() as watcher:
            assert await watcher.next(5) == 9
        idle = known.of("a")
        known.of("b")
        assert known.of("a") is not idle

    asyncio.run(scenario())
