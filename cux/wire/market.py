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
    """What printed trades did from `start_at`, a multiple of the interval since 1970, to the next start.

    Without trades all four prices are the last one before; before the first trade there is no candle. The
    newest is not closed until its interval is over; a bust may still change a closed one.
    """

    start_at: Instant
    open_ticks: Int64
    high_ticks: Int64
    low_ticks: Int64
    close_ticks: Int64
    volume_lots: Count
    turnover_nano_usd: Count
    trades: Count
    is_closed: bool


class StatsView(msgspec.Struct, frozen=True, kw_only=True):
    """The 24 hours up to `as_of`. `last_ticks` is the last printed price, however old it is.

    Other prices are null without a trade, and the best ones where nobody quotes. The change is
    (last − open) ÷ open in parts per million, half-even.
    """

    instrument: Instrument
    as_of: Instant
    phase: Phase
    open_ticks: Int64 | None = None
    high_ticks: Int64 | None = None
    low_ticks: Int64 | None = None
    last_ticks: Int64 | None = None
    change_ppm: Int64 | None = None
    volume_lots: Count
    volume_ucu: Count
    turnover_nano_usd: Count
    trades: Count
    best_bid_ticks: Int64 | None = None
    best_ask_ticks: Int64 | None = None


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
    """The CU price index of a compute class, or `overall`, as published at `at`.

    The rule is in `docs/index-methodology.md`. `method` says whether it stands on the last hour (`window`),
    on the last day (`extended`), or is the value before (`carried`); `dropped` trades were outliers.
    """

    code: Name
    at: Instant
    nano_usd_per_cu: Count
    method: Literal["window", "extended", "carried"]
    trades: Count
    dropped: Count
    volume_ucu: Count


class ResaleView(msgspec.Struct, frozen=True, kw_only=True):
    """Compute that its holder sells on, drawable until `window_ends_at`.

    Only orders that never rest and say `min_window_s` buy it. It keeps its provider, who is paid from the
    first sale: a later refund is a share of that price and its fees, not of this one.
    """

    price_ticks: Int64
    quantity_lots: Positive
    window_ends_at: Instant
