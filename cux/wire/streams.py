"""What the streams send, one event each: a market's book and tape, an account's orders and money.

Every event has a number, `seq`, which is its `id` too: dense per market and per account. Units as in
`cux.wire.orders`.
"""

from typing import Any, Literal

import msgspec

from cux.wire.fields import Count, Instant, Int64
from cux.wire.orders import BalanceView, Instrument, Level, OrderView, Phase, TradeView

BookSide = Literal["bid", "ask"]
LevelChange = tuple[BookSide, Int64, Count]
"""A side, a price in ticks, and the lots that are open there now; 0: the level is gone."""
Resync = Literal["resync"]


class MarketSnapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The market after event `seq`: every level shown, best first; trades newest first.

    `crc` is the checksum of the best ten levels (`docs/market-data.md`). `reason` is there if the reader
    asked to go on from an event that is not kept any more, or never was.
    """

    instrument: Instrument
    seq: Count
    phase: Phase
    bids: list[Level]
    asks: list[Level]
    trades: list[TradeView]
    crc: Count
    auction: dict[str, Any] | None = None
    reason: Resync | None = None


class MarketDelta(msgspec.Struct, frozen=True, kw_only=True):
    """What event `seq` changed: levels as they are now, trades as they happened.

    `phase` and `auction` are there when they changed, `crc` (of the book after the event) every 16th time and
    when the phase changes.
    """

    seq: Count
    at: Instant
    levels: list[LevelChange] = []
    trades: list[TradeView] = []
    phase: Phase | None = None
    auction: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    crc: Count | None = None


class AccountDelta(msgspec.Struct, frozen=True, kw_only=True):
    """What befell an account: an order as it is now, a fill (`trade`), or the wallet, as `type` says."""

    seq: Count
    at: Instant
    type: Literal["order", "fill", "wallet"]
    order: OrderView | None = None
    trade: TradeView | None = None
    wallet: BalanceView | None = None
