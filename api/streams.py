"""Server-sent events: a snapshot, then numbered events without gaps, woken by PostgreSQL's notifications.

Streams hold no database connection and no queue: a feed per topic reads for all of them (`api.event_feed`).
A reader who was cut off sends `Last-Event-ID` and goes on after it.
"""

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final

import msgspec
from django.conf import settings

from api import disconnects
from api.account_feed import AccountSource
from api.auth import account_caller, authenticate, authenticate_if_given
from api.event_feed import READY_S, EventFeed, Feeds, Source
from api.http import Request, Stream
from api.market_feed import MarketSource
from core.errors import Code, CuxError
from core.notify import Listener
from core.threads import in_thread
from exchange.selectors.instruments import instrument_find

STREAMS_MAX: Final = 5_000
"""Streams of one web process; who comes after that is refused."""
CHECK_S: Final = 1.0
"""An account's stream looks this often whether its reader may still read."""
_MARKET: Final = "cux_market"
_ACCOUNT: Final = "cux_account"


def _topic(channel: str, payload: str) -> str:
    """Return whom a notification is for: the instrument it names, or the organisation."""
    return str(msgspec.json.decode(payload)["instrument"]) if channel == _MARKET else payload


_LISTENER: Final = Listener(settings.DATABASE_URL, (_MARKET, _ACCOUNT), topic=_topic)


def market_feed(symbol: str, *, ready_s: float = READY_S) -> EventFeed:
    """Return a feed of an instrument's events that nobody follows yet."""
    return EventFeed(MarketSource(symbol), partial(_LISTENER.subscribe, _MARKET, symbol), ready_s=ready_s)


def _account_feed(organisation_id: str) -> EventFeed:
    source: Source = AccountSource(uuid.UUID(organisation_id))
    return EventFeed(source, partial(_LISTENER.subscribe, _ACCOUNT, organisation_id), heartbeat_s=CHECK_S)


_MARKETS: Final = Feeds(market_feed)
_ACCOUNTS: Final = Feeds(_account_feed)


async def market(request: Request) -> Stream:
    """GET /v1/stream/market/{symbol}: the book and the tape. No key is needed."""
    await authenticate_if_given(request)
    symbol = request.params["symbol"]
    await in_thread(instrument_find, symbol)  # an unknown instrument is a 404, not a silent stream
    return Stream(_open(_MARKETS, symbol, request))


async def account(request: Request) -> Stream:
    """GET /v1/stream/account: orders, fills and money, for a key or for somebody signed in.

    With `cancel_on_disconnect=true`, which needs a key with the scope `trade`, all open orders of the account
    are cancelled when the stream ends.
    """
    organisation_id = await account_caller(request)
    chunks = _open(_ACCOUNTS, str(organisation_id), request)
    allowed = _while_allowed(chunks, partial(account_caller, request))
    if not _flag(request, "cancel_on_disconnect"):
        return Stream(allowed)
    await authenticate(request, "trade")
    await disconnects.arm(organisation_id)
    return Stream(_cancelling(allowed, organisation_id))


def _open(feeds: Feeds, topic: str, request: Request) -> AsyncGenerator[bytes, None]:
    """Return a stream of a topic for a reader. Raises CuxError TOO_MANY_STREAMS."""
    if _MARKETS.followers + _ACCOUNTS.followers >= STREAMS_MAX:
        raise CuxError(Code.TOO_MANY_STREAMS)
    return feeds.of(topic).follow(_last_event(request))


async def close() -> None:
    """Stop listening, when the process ends."""
    await _LISTENER.close()


def _flag(request: Request, name: str) -> bool:
    """Return the only parameter that there is. Raises CuxError INVALID_FIELD."""
    for given, value in request.query.items():
        if given != name:
            raise CuxError(Code.INVALID_FIELD, f"There is no parameter `{given}` here.", param=given)
        if value not in ("true", "false"):
            raise CuxError(Code.INVALID_FIELD, f"`{name}` is `true` or `false`.", param=name)
    return request.query.get(name) == "true"


def _last_event(request: Request) -> int | None:
    """Return the number of the last event that the reader has; −1, which is no event's, if it is none."""
    text = request.header("last-event-id")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


async def _while_allowed(
    chunks: AsyncGenerator[bytes, None], check: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bytes, None]:
    """Yield what comes; before each piece `check` may end the stream. Nothing goes to a revoked key."""
    async with aclosing(chunks):
        async for chunk in chunks:
            await check()
            yield chunk


async def _cancelling(
    chunks: AsyncGenerator[bytes, None], organisation_id: uuid.UUID
) -> AsyncGenerator[bytes, None]:
    """Yield what comes; however that ends, the account's orders are cancelled then."""
    async with disconnects.cancelling_at_end(organisation_id), aclosing(chunks):
        async for chunk in chunks:
            yield chunk
