"""What the streams send, one event each: a market's book and tape, an account's orders and money.

Every event has a number, `seq`, which is its `id` too: dense per market and per account. Units as in
`cux.wire.orders`.
"""

from typing import Literal

import msgspec

from cux.wire.batches import StandingOfferView
from cux.wire.fields import Count, Id, Instant, Int64
from cux.wire.market import AuctionKind, AuctionState
from cux.wire.orders import BalanceView, Instrument, Level, OrderView, Phase, TradeView

BookSide = Literal["bid", "ask"]
LevelChange = tuple[BookSide, Int64, Count]
"""A side, a price in ticks, and the lots that are open there now; 0: the level is gone."""
Resync = Literal["resync"]


class AuctionNews(msgspec.Struct, frozen=True, kw_only=True):
    """What an auction would do now, or did if it is `done`: price (null: none would trade), lots, surplus.

    The surplus is demand less supply at that price. It closes at a moment drawn at random up to `closes_by`.
    """

    auction_id: Id
    kind: AuctionKind
    state: AuctionState
    price_ticks: Int64 | None
    volume_lots: Count
    surplus_lots: Int64
    no_cancel_at: Instant
    closes_by: Instant


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
    auction: AuctionNews | None = None
    reason: Resync | None = None


class MarketChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an event changes: levels as they are now, trades as they happened, earlier ones undone (`busts`).

    `phase` and `auction` are there when they changed, `crc` (of the book after the event) every 16th time and
    when the phase changes.
    """

    levels: list[LevelChange] = []
    trades: list[TradeView] = []
    busts: list[TradeView] = []
    phase: Phase | None = None
    auction: AuctionNews | None = None
    crc: Count | None = None


class MarketDelta(MarketChange, frozen=True, kw_only=True):
    """The change that event `seq` made, decided at `at`."""

    seq: Count
    at: Instant


class StandingOfferNews(StandingOfferView, frozen=True, kw_only=True):
    """What of a standing offer entered an auction; without an order capacity, band or a block kept it out."""

    auction_id: Id
    order_id: Id | None
    entered_lots: Count


class AccountDelta(msgspec.Struct, frozen=True, kw_only=True):
    """What befell an account, as `type` says: an order as it is now, a fill or the bust of one (`trade`), the
    wallet, or that a standing offer entered an auction."""

    seq: Count
    at: Instant
    type: Literal["order", "fill", "bust", "wallet", "standing_offer"]
    order: OrderView | None = None
    trade: TradeView | None = None
    wallet: BalanceView | None = None
    standing_offer: StandingOfferNews | None = None
