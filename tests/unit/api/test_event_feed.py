"""Feeds of events: read and encoded once however many follow, no gaps, no queue per reader."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from api import event_feed, streams
from api.event_feed import HEARTBEAT, EventFeed, Feeds
from api.http import Request
from core.errors import Code, CuxError
from exchange.selectors.events import Told

NOW = datetime(2026, 8, 1, tzinfo=UTC)


class Rows:
    """Events that tests write, and the wake-up that goes with it."""

    def __init__(self) -> None:
        self.rows: list[Told] = []
        self.state = 0
        self.kept_from = 1
        self.loads = self.reads = self.frames = 0
        self.failures = 0
        self.refuse: int | None = None
        self.event = asyncio.Event()

    async def load(self) -> int:
        self.loads += 1
        self.state = len(self.rows)
        return self.state

    async def read(self, after: int, limit: int) -> Sequence[Told]:
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        rows = [row for row in self.rows if row.sequence > after and row.sequence >= self.kept_from]
        self.reads += bool(rows)
        return rows[:limit]

    def apply(self, told: Told) -> None:
        if told.sequence == self.refuse:
            self.refuse = None
            raise ValueError("the state is wrong")
        self.state = told.sequence

    def frame(self, told: Told) -> bytes:
        self.frames += 1
        return f"{told.sequence};".encode()

    async def snapshot(self, reason: str | None) -> tuple[int, bytes]:
        return self.state, f"snapshot {self.state} {reason}".encode()

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[asyncio.Event]:
        yield self.event

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.rows.append(Told(len(self.rows) + 1, NOW, "{}"))
        self.event.set()


Stream = AsyncGenerator[bytes, None]


async def soon(stream: Stream) -> bytes:
    """Return what the stream sends next."""
    return await asyncio.wait_for(anext(stream), 5)


async def news(stream: Stream) -> bytes:
    """Return what the stream sends next that is no heartbeat."""
    while (piece := await soon(stream)) == HEARTBEAT:
        pass
    return piece


@contextlib.asynccontextmanager
async def following(feed: EventFeed, *lasts: int | None):
    """Open a stream for each of the last events given, and close them all."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(contextlib.aclosing(feed.follow(last))) for last in lasts]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(event_feed, "INTERVAL_S", 0.0)
    monkeypatch.setattr(event_feed, "RETRY_S", 0.0)


def test_two_readers_share_one_reading_and_one_encoding():
    async def scenario() -> None:
        rows = Rows()
        feed = EventFeed(rows, rows.subscribe)
        async with following(feed, None, None) as (one, two):
            assert await soon(one) == await soon(two) == b"snapshot 0 None"
            rows.write(3)
            pieces = [await soon(one), await soon(two)]
            assert pieces == [b"1;2;3;"] * 2
            assert pieces[0] is pieces[1]
            assert (rows.loads, rows.reads, rows.frames) == (1, 1, 3)
            assert feed.followers == 2
        assert feed.followers == 0

    asyncio.run(scenario())


def test_a_slow_reader_gets_everything_in_one_piece_as_long_as_the_ring_has_it(monkeypatch):
    monkeypatch.setattr(event_feed, "RING_FRAMES", 3)

    async def scenario() -> None:
        rows = Rows()
        feed = EventFeed(rows, rows.subscribe)
        async with following(feed, None, None, None) as (fast, slow, slower):
            for stream in (fast, slow, slower):
                await soon(stream)
            for number in (1, 2, 3):
                rows.write()
                assert await soon(fast) == b"%d;" % number
            assert await soon(slow) == b"1;2;3;"
            rows.write()
            assert await soon(fast) == b"4;"
            with pytest.raises(CuxError) as dropped:
                await soon(slower)
            assert dropped.value.code is Code.SLOW_READER

    asyncio.run(scenario())


def test_a_reader_who_takes_too_long_for_a_piece_is_dropped(monkeypatch):
    monkeypatch.setattr(event_feed, "SLOW_S", 0.0)

    async def scenario() -> None:
        rows = Rows()
        async with following(EventFeed(rows, rows.subscribe), None) as (stream,):
            await soon(stream)
            rows.write()
            assert await soon(stream) == b"1;"
            with pytest.raises(CuxError) as dropped:
                await soon(stream)
            assert dropped.value.code is Code.SLOW_READER

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("last", "first"),
    [
        (7, b"8;9;"),  # the ring has them
        (3, b"4;5;6;7;8;9;"),  # the rows have them
        (9, HEARTBEAT),  # nothing was missed
        (1, b"snapshot 9 resync"),  # not kept any more
        (10, b"snapshot 9 resync"),  # never was
        (-1, b"snapshot 9 resync"),
    ],
)
def test_a_reader_goes_on_after_its_last_event(monkeypatch, last, first):
    monkeypatch.setattr(event_feed, "RING_FRAMES", 2)

    async def scenario() -> None:
        rows = Rows()
        rows.write(5)
        rows.kept_from = 4
        feed = EventFeed(rows, rows.subscribe, heartbeat_s=0.05)
        async with following(feed, None, last) as (other, stream):
            assert await soon(other) == b"snapshot 5 None"
            for number in (6, 7, 8, 9):
                rows.write()
                assert await news(other) == b"%d;" % number
            assert await soon(stream) == first
            rows.write()
            assert await news(stream) == b"10;"

    asyncio.run(scenario())


def test_who_missed_too_much_starts_again(monkeypatch):
    monkeypatch.setattr(event_feed, "RESUME_MAX", 3)
    monkeypatch.setattr(event_feed, "PAGE", 2)

    async def scenario() -> None:
        rows = Rows()
        rows.write(9)
        async with following(EventFeed(rows, rows.subscribe), 6, 5) as (near, far):
            assert [await soon(near), await soon(near)] == [b"7;8;", b"9;"]
            assert await soon(far) == b"snapshot 9 resync"

    asyncio.run(scenario())


def test_silence_is_broken_by_heartbeats():
    async def scenario() -> None:
        rows = Rows()
        async with following(EventFeed(rows, rows.subscribe, heartbeat_s=0.01), None) as (stream,):
            assert await soon(stream) == b"snapshot 0 None"
            assert await soon(stream) == HEARTBEAT
            assert await soon(stream) == HEARTBEAT

    asyncio.run(scenario())


def test_a_failed_reading_is_tried_again():
    async def scenario() -> None:
        rows = Rows()
        rows.failures = 2
        async with following(EventFeed(rows, rows.subscribe), None) as (stream,):
            assert await soon(stream) == b"snapshot 0 None"
            rows.failures = 1
            rows.write()
            assert await soon(stream) == b"1;"
            assert rows.loads == 3 - rows.failures

    asyncio.run(scenario())


def test_a_state_that_turns_out_wrong_is_loaded_again_and_its_readers_come_again():
    async def scenario() -> None:
        rows = Rows()
        feed = EventFeed(rows, rows.subscribe)
        async with following(feed, None) as (stream,):
            assert await soon(stream) == b"snapshot 0 None"
            rows.refuse = 1
            rows.write()
            rows.write()
            with pytest.raises(CuxError):
                await soon(stream)

    asyncio.run(scenario())


def test_a_database_that_is_away_is_told():
    async def scenario() -> None:
        rows = Rows()
        rows.failures = 10**9
        async with following(EventFeed(rows, rows.subscribe, ready_s=0.01), None) as (stream,):
            with pytest.raises(CuxError) as told:
                await soon(stream)
            assert told.value.code is Code.DEPENDENCY_UNAVAILABLE

    asyncio.run(scenario())


def test_a_feed_starts_again_after_everybody_left():
    async def scenario() -> None:
        rows = Rows()
        known = Feeds(lambda topic: EventFeed(rows, rows.subscribe))
        async with following(known.of("a"), None) as (stream,):
            assert await soon(stream) == b"snapshot 0 None"
        rows.write(2)
        async with following(known.of("a"), None) as (stream,):
            assert await soon(stream) == b"snapshot 2 None"
            assert known.followers == 1
        idle = known.of("a")
        known.of("b")
        assert known.of("a") is not idle

    asyncio.run(scenario())


def test_a_full_process_refuses_further_streams(monkeypatch):
    monkeypatch.setattr(streams, "STREAMS_MAX", 0)
    request = Request({"type": "http", "headers": []}, receive=None)
    with pytest.raises(CuxError) as refused:
        streams._open(streams._MARKETS, "x", request)
    assert (refused.value.code, refused.value.status) == (Code.TOO_MANY_STREAMS, 503)
