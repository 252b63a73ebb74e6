"""What the sequencer told markets and accounts, and what a market is after the last of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from django.db import connection

from core.snapshots import one_snapshot
from cux.wire.orders import TradeView
from cux.wire.streams import AuctionNews, MarketChange
from exchange.selectors.book import BookSnapshot, book_snapshot
from exchange.selectors.instruments import instrument_find
from exchange.selectors.trades import trades_recent

RECENT_TRADES: Final = 50
_LOOK_BACK: Final = 1_000
"""An auction tells its indicative price every second or so: the last one is not further back."""

_MARKET: Final = """
    SELECT sequence, at, payload FROM exchange_marketevent
    WHERE instrument_id = %s AND sequence > %s ORDER BY sequence LIMIT %s"""
_ACCOUNT: Final = """
    SELECT sequence, at, payload FROM exchange_accountevent
    WHERE organisation_id = %s AND sequence > %s ORDER BY sequence LIMIT %s"""
_ACCOUNT_LAST: Final = """
    SELECT coalesce(max(sequence), 0) FROM exchange_accountevent WHERE organisation_id = %s"""
_AUCTION: Final = """
    SELECT payload FROM exchange_marketevent
    WHERE instrument_id = %s AND sequence > %s AND payload LIKE '%%"auction":%%'
    ORDER BY sequence DESC LIMIT 1"""


class Told(NamedTuple):
    """An event: its number, when it was decided, its JSON."""

    sequence: int
    at: datetime
    payload: str


@dataclass(frozen=True, slots=True)
class MarketState:
    """A market after the event that `book` names: every level, the newest trades, the auction if any."""

    instrument_id: uuid.UUID
    book: BookSnapshot
    trades: list[TradeView]
    auction: AuctionNews | None


def market_state(symbol: str) -> MarketState:
    """Return a market as of one moment. Raises CuxError UNKNOWN_INSTRUMENT."""
    with one_snapshot():
        instrument_id = instrument_find(symbol).id
        book = book_snapshot(symbol=symbol, depth=None)
        trades = trades_recent(symbol=symbol, limit=RECENT_TRADES)
        return MarketState(instrument_id, book, trades, auction_indicators(instrument_id, book.sequence))


def auction_indicators(instrument_id: uuid.UUID, sequence: int) -> AuctionNews | None:
    """Return what the market's auction last told up to event `sequence`, if that is not long ago."""
    with connection.cursor() as cursor:
        cursor.execute(_AUCTION, [instrument_id, sequence - _LOOK_BACK])
        row = cursor.fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=MarketChange).auction


def market_events(*, instrument_id: uuid.UUID, after: int, limit: int) -> list[Told]:
    """Return a market's events after number `after`, in order."""
    return _told(_MARKET, instrument_id, after, limit)


def account_events(*, organisation_id: uuid.UUID, after: int, limit: int) -> list[Told]:
    """Return an account's events after number `after`, in order."""
    return _told(_ACCOUNT, organisation_id, after, limit)


def account_sequence(organisation_id: uuid.UUID) -> int:
    """Return the number of an account's last event; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT_LAST, [organisation_id])
        return int(cursor.fetchone()[0])


def _told(query: str, owner_id: uuid.UUID, after: int, limit: int) -> list[Told]:
    with connection.cursor() as cursor:
        cursor.execute(query, [owner_id, after, limit])
        return [Told(*row) for row in cursor.fetchall()]
