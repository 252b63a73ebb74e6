"""The trading messages of the REST interface, as client and server both parse them.

Prices are ticks, quantities lots, money nano-USD, compute µCU, all integers; instants are RFC 3339 in UTC.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Digest, Id, Instant, Int64, Name, Positive, QuantityLots

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
SelfTradePrevention = Literal["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
OrderStatus = Literal["open", "partially_filled", "filled", "canceled", "expired", "denied", "rejected"]
Instrument = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
ClientOrderId = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,48}\Z")]
"""The caller's own handle: 1 to 48 printable ASCII characters without spaces."""
Level = tuple[Int64, Count]
"""A price in ticks and the open quantity in lots at it."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to place. A limit order has a price, a market order none; the engine judges the rest."""

    instrument: Instrument
    side: Side
    type: OrderType = "limit"
    tif: TimeInForce = "GTC"
    quantity_lots: QuantityLots
    price_ticks: Int64 | None = None
    client_order_id: ClientOrderId | None = None
    post_only: bool = False
    stp: SelfTradePrevention = "cancel_taker"

    def __post_init__(self) -> None:
        if (self.type == "limit") != (self.price_ticks is not None):
            raise ValueError("a limit order needs price_ticks, a market order has none")


class ReplaceOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New price and open quantity of a resting order."""

    price_ticks: Int64
    quantity_lots: QuantityLots


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A match. On the public tape `order_id`, `role` and `fee_nano_usd` are absent."""

    trade_id: Id
    instrument: Instrument
    seq: Positive
    price_ticks: Int64
    quantity_lots: QuantityLots
    taker_side: Side
    executed_at: Instant
    order_id: Id | None = None
    role: Literal["maker", "taker"] | None = None
    fee_nano_usd: Int64 | None = None


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its owner sees it. The average price is rounded half-even; null before the first trade."""

    order_id: Id
    client_order_id: ClientOrderId | None = None
    instrument: Instrument
    side: Side
    type: OrderType
    tif: TimeInForce
    price_ticks: Int64 | None = None
    quantity_lots: QuantityLots
    leaves_lots: Count
    cumulative_lots: Count
    avg_price_nano_usd_per_lot: Int64 | None = None
    status: OrderStatus
    reject_code: str | None = None
    held_nano_usd: Count
    created_at: Instant
    trades: list[TradeView] = []


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """The aggregated book after event `seq`, best level first."""

    instrument: Instrument
    seq: Count
    bids: list[Level]
    asks: list[Level]


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation's money: posted is what the ledger says, available what is not held of it."""

    posted_nano_usd: Int64
    held_nano_usd: Count
    available_nano_usd: Int64


class EntitlementView(msgspec.Struct, frozen=True, kw_only=True):
    """CU bought from a provider, drawable from `starts_at` until `expires_at`."""

    entitlement_id: Id
    compute_class: Name
    provider_id: Id
    delivery: Literal["spot", "idle"]
    quantity_ucu: Positive
    used_ucu: Count
    reserved_ucu: Count
    available_ucu: Count
    escrow_nano_usd: Count
    starts_at: Instant
    expires_at: Instant
    status: Literal["live", "expired", "closed"]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """An inference job; meter and charge are null until it is settled."""

    job_id: Id
    model: Name
    card_hash: Digest
    status: Literal["queued", "running", "settled", "refunded"]
    quote_ucu: Count
    compute_ucu: Count | None = None
    charged_nano_usd: Count | None = None
    prompt_tokens: Positive
    cached_tokens: Count
    output_tokens: Count
    finish_reason: str | None = None
    created_at: Instant
    settled_at: Instant | None = None
    receipt_hash: Digest | None = None
