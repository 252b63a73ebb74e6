"""Waking waiters through PostgreSQL's NOTIFY: a hint, sent with the commit that changed a row.

A notification may be lost (a broken connection) or come twice; who waits looks at the rows again after
waking, and also now and then without being woken.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final
from weakref import WeakKeyDictionary

import psycopg
import structlog
from django.conf import settings
from django.db import connection
from psycopg import sql

log = structlog.get_logger(__name__)

JOB: Final = "cux_job"
LEASE: Final = "cux_lease"
CONTROL: Final = "cux_control"
_RETRY_S: Final = 1.0


def notify(channel: str, payload: str) -> None:
    """Send `payload` on `channel` when the caller's transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])


class Listener:
    """One LISTEN connection for a whole event loop; any number of waiters, each for one topic.

    It connects on first use and again after a failure; every waiter wakes when it has reconnected,
    since what was sent meanwhile is lost.
    """

    def __init__(
        self,
        dsn: str,
        channels: tuple[str, ...],
        topic: Callable[[str, str], str] = lambda channel, payload: payload,
    ) -> None:
        """Remember where and on what to listen; nothing is connected yet.

        `topic` tells from channel and payload whom a notification is for, where it is not the payload.
        """
        self._topic = topic
        self._dsn = dsn
        self._channels = channels
        self._waiters: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def subscribe(self, channel: str, topic: str) -> Iterator[asyncio.Event]:
        """Yield an event set at each notification: clear it, look at the rows, then wait for it."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._listen())
        event = asyncio.Event()
        self._waiters[channel, topic].add(event)
        try:
            yield event
        finally:
            self._waiters[channel, topic].discard(event)
            if not self._waiters[channel, topic]:
                del self._waiters[channel, topic]

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _listen(self) -> None:
        while True:
            try:
                async for notification in self._notifications():
                    topic = self._topic(notification.channel, notification.payload)
                    for event in self._waiters.get((notification.channel, topic), ()):
                        event.set()
            except psycopg.Error as error:
                log.warning("listen_interrupted", error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _notifications(self) -> AsyncIterator[psycopg.Notify]:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as listening:
            for channel in self._channels:
                await listening.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            for events in self._waiters.values():
                for event in events:
                    event.set()
            async for notification in listening.notifies():
                yield notification


_LISTENERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Listener] = WeakKeyDictionary()


def listener() -> Listener:
    """Return the running event loop's listener for jobs, leases and what providers are told."""
    loop = asyncio.get_running_loop()
    if loop not in _LISTENERS:
        _LISTENERS[loop] = Listener(settings.DATABASE_URL, (JOB, LEASE, CONTROL))
    return _LISTENERS[loop]


async def wait(event: asyncio.Event, timeout_s: float) -> None:
    """Wait until the event is set or the time is over, and clear it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
    event.clear()
