"""Server-sent events: a snapshot, then what changed, woken by PostgreSQL's notifications.

Streams hold no database connection: a feed per topic reads for all of them (`api.feeds`). Values are
conflated, so a reader that lags sees fewer of them; one that does not read at all is dropped and told why.
"""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

import msgspec
from django.conf import settings

from api.auth import account_caller, authenticate_if_given
from api.feeds import Feed, Feeds, Watcher
from api.http import Request, Stream, event, request_id
from api.v1.figures import account_view, market_view
from api.v1.shapes import AccountView, MarketView
from core.errors import Code, CuxError
from core.notify import Listener
from core.threads import in_thread

V = TypeVar("V")

HEARTBEAT_S: Final = 10.0
SLOW_S: Final = 10.0
"""A reader that takes longer than this for one event is dropped."""
_HEARTBEAT: Final = b": still here\n\n"
_MARKET: Final = "cux_market"
_ACCOUNT: Final = "cux_account"


def _topic(channel: str, payload: str) -> str:
    """Return whom a notification is for: the instrument it names, or the organisation."""
    return str(msgspec.json.decode(payload)["instrument"]) if channel == _MARKET else payload


_LISTENER: Final = Listener(settings.DATABASE_URL, (_MARKET, _ACCOUNT), topic=_topic)


def _feed(channel: str, read: Callable[[str], V], topic: str) -> Feed[V]:
    return Feed(partial(in_thread, read, topic), partial(_LISTENER.subscribe, channel, topic))


def _read_account(organisation_id: str) -> AccountView:
    return account_view(uuid.UUID(organisation_id))


_MARKETS: Final[Feeds[MarketView]] = Feeds(partial(_feed, _MARKET, market_view))
_ACCOUNTS: Final[Feeds[AccountView]] = Feeds(partial(_feed, _ACCOUNT, _read_account))


async def market(request: Request) -> Stream:
    """GET /v1/stream/market/{symbol}: the book and the tape. No key is needed."""
    await authenticate_if_given(request)
    symbol = request.params["symbol"]
    await in_thread(market_view, symbol)  # an unknown instrument is a 404, not a silent stream
    return Stream(_paced(_market_events(_MARKETS.of(symbol))))


async def account(request: Request) -> Stream:
    """GET /v1/stream/account: balances and open orders, for a key or for somebody signed in."""
    organisation_id = await account_caller(request)
    feed = _ACCOUNTS.of(str(organisation_id))
    return Stream(_paced(_account_events(feed, partial(account_caller, request))))


async def close() -> None:
    """Stop listening, when the process ends."""
    await _LISTENER.close()


async def _market_events(feed: Feed[MarketView]) -> AsyncGenerator[bytes, None]:
    seen: int | None = None
    async with feed.watch() as watcher:
        async for view in _values(watcher):
            if view is None:
                yield _HEARTBEAT
                continue
            name, news = _since(view, seen)
            seen = max((trade.seq for trade in view.trades), default=seen or 0)
            yield event(news, name=name, event_id=str(view.book.seq))


def _since(view: MarketView, seen: int | None) -> tuple[str, MarketView]:
    """Return what to send to a reader who knows the trades up to `seen`: a snapshot if some are missing."""
    if seen is None or (view.trades and view.trades[-1].seq > seen + 1):
        return "snapshot", view
    fresh = [trade for trade in view.trades if trade.seq > seen]
    return "update", msgspec.structs.replace(view, trades=fresh)


async def _account_events(
    feed: Feed[AccountView], still_allowed: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bytes, None]:
    name = "snapshot"
    async with feed.watch() as watcher:
        async for view in _values(watcher):
            await still_allowed()  # nothing is sent to a key that was revoked meanwhile
            if view is None:
                yield _HEARTBEAT
                continue
            yield event(view, name=name)
            name = "update"


async def _values(watcher: Watcher[V]) -> AsyncIterator[V | None]:
    while True:
        yield await watcher.next(HEARTBEAT_S)


async def _paced(chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(chunks):
        async for chunk in chunks:
            offered_at = time.monotonic()
            yield chunk
            if time.monotonic() - offered_at > SLOW_S:
                yield event(CuxError(Code.SLOW_READER).body(request_id()), name="error")
                return
