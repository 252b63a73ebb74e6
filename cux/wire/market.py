"""Public market data beyond the book: candles, statistics, auctions, the CU price index.

Volumes and prices count printed trades only. Units as in `cux.wire.orders`.
"""

from typing import Literal

import msgspec

from cux.wire.fields import Count, Id, Instant, Int64, Name, Positive
from cux.wire.orders import Instrument, Phase

CandleInterval = Literal["1s", "1m", "5m", "15m", "1h", "4h", "1d"]
AuctionKind = Literal["scheduled", "volatility", "open", "reopen", "close"]
AuctionState = Literal["input", "no_cancel", "random_close", "done"]


class CandleView(msgspec.Struct, frozen=True, kw_only=True):
    """The trades of one interval from `start_at`, which is a multiple of the interval since 1970."""

    start_at: Instant
    open_ticks: Int64
    high_ticks: Int64
    low_ticks: Int64
    close_ticks: Int64
    volume_lots: Positive
    trades: Positive


class StatsView(msgspec.Struct, frozen=True, kw_only=True):
    """The 24 hours up to `as_of`. Prices are null without a trade; the change is from first to last."""

    instrument: Instrument
    as_of: Instant
    open_ticks: Int64 | None = None
    high_ticks: Int64 | None = None
    low_ticks: Int64 | None = None
    last_ticks: Int64 | None = None
    change_ppm: Int64 | None = None
    volume_lots: Count
    turnover_nano_usd: Count
    trades: Count


class Indicative(msgspec.Struct, frozen=True, kw_only=True):
    """What an auction would do now: price (null if nothing would trade), lots, demand less supply at it."""

    price_ticks: Int64 | None
    volume_lots: Count
    surplus_lots: Int64


class AuctionView(msgspec.Struct, frozen=True, kw_only=True):
    """A call auction. It ends at a random moment after `close_from_at`; price and lots are its result."""

    auction_id: Id
    instrument: Instrument
    kind: AuctionKind
    state: AuctionState
    reference_ticks: Int64
    started_at: Instant
    no_cancel_at: Instant
    close_from_at: Instant
    ended_at: Instant | None = None
    then_phase: Phase
    delivers_until: Instant | None = None
    price_ticks: Int64 | None = None
    volume_lots: Count = 0
    surplus_lots: Int64 = 0
    indicative: Indicative | None = None


class IndexView(msgspec.Struct, frozen=True, kw_only=True):
    """The CU price index of an instrument at `as_of`; null while too little was printed."""

    instrument: Instrument
    as_of: Instant
    nano_usd_per_cu: Count | None
    window_s: Positive
    trades: Count
    volume_ucu: Count
    outliers: Count
    methodology: Name
