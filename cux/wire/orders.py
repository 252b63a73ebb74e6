"""The trading messages of the REST interface, as client and server both parse them.

Prices are ticks, quantities lots, money nano-USD, compute µCU, all integers; instants are RFC 3339 in UTC.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Digest, Id, Instant, Int64, Name, Positive, QuantityLots, Seconds

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GTD", "DAY", "GFA"]
SelfTradePrevention = Literal["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
OrderStatus = Literal["open", "partially_filled", "filled", "canceled", "expired"]
"""An order that is refused never becomes one: the refusal is an error with a code of `docs/errors.md`."""
EndReason = Literal[
    "user",
    "ioc",
    "fok",
    "market",
    "stp",
    "decrement",
    "min_qty",
    "budget",
    "auction",
    "expired",
    "capacity",
    "volatility",
    "dead_man",
    "disconnected",
    "account_blocked",
    "instrument_killed",
]
"""Why an order ended, or shrank: by the caller's word, its own terms, or the exchange's rules."""
Phase = Literal["pre_open", "continuous", "auction", "no_cancel", "cancel_only", "halted", "closed"]
Organisations = Annotated[list[Id], Meta(max_length=32)]
"""Organisations by their public ids, `org_…`."""
Instrument = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
ClientOrderId = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,48}\Z")]
"""The caller's own handle: 1 to 48 printable ASCII characters without spaces."""
Level = tuple[Int64, Count]
"""A price in ticks and the open quantity in lots at it."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to place; the sequencer judges what this does not.

    A limit order has a price; a market order's is its protection (the band's end if absent). The size is
    `quantity_lots` or, of a market order to buy, `budget_nano_usd`, fee included. `display_lots` of an
    iceberg are shown at a time. `min_lots` (or `all_or_none`), `only_providers`, `ignore_providers` and
    `min_window_s` (which admits resold compute with at least that long to go) are for IOC and FOK.
    `expires_at`, cut to the second, goes with GTD.
    """

    instrument: Instrument
    side: Side
    type: OrderType = "limit"
    tif: TimeInForce = "GTC"
    quantity_lots: QuantityLots | None = None
    price_ticks: Int64 | None = None
    budget_nano_usd: Positive | None = None
    client_order_id: ClientOrderId | None = None
    post_only: bool = False
    stp: SelfTradePrevention = "cancel_taker"
    expires_at: Instant | None = None
    display_lots: QuantityLots | None = None
    min_lots: QuantityLots | None = None
    all_or_none: bool = False
    only_providers: Organisations = []
    ignore_providers: Organisations = []
    min_window_s: Seconds | None = None

    def __post_init__(self) -> None:
        if self.type == "limit" and self.price_ticks is None:
            raise ValueError("Object missing required field `price_ticks` of a limit order")
        if self.quantity_lots is None and self.budget_nano_usd is None:
            raise ValueError("Object missing required field `quantity_lots`")


class ReplaceOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New price and open quantity of a resting order."""

    price_ticks: Int64
    quantity_lots: QuantityLots


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A match. On the public tape `order_id`, `role` and `fee_nano_usd` are absent.

    `is_self` (both sides one account, in an auction), `is_selective` (an eligibility set was given),
    `is_resale` and `is_busted` trades count neither in volume, candles and statistics nor in the index.
    """

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
    auction_id: Id | None = None
    is_self: bool = False
    is_selective: bool = False
    is_resale: bool = False
    is_busted: bool = False


class Prevented(msgspec.Struct, frozen=True, kw_only=True):
    """Lots taken off one of the caller's own orders, which would have traded with another of them."""

    order_id: Id
    quantity_lots: QuantityLots


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its owner sees it. The average price is rounded half-even; null before the first trade.

    `reason` says why it ended or shrank, where it was not filled; `prevented` what this command's
    self-trade prevention took off it and off others. Of an order with a budget `quantity_lots` is the most it
    might have bought.
    """

    order_id: Id
    client_order_id: ClientOrderId | None = None
    instrument: Instrument
    side: Side
    type: OrderType
    tif: TimeInForce
    price_ticks: Int64 | None = None
    quantity_lots: Count
    leaves_lots: Count
    cumulative_lots: Count
    avg_price_nano_usd_per_lot: Int64 | None = None
    status: OrderStatus
    reason: EndReason | None = None
    held_nano_usd: Count
    created_at: Instant
    budget_nano_usd: Positive | None = None
    post_only: bool = False
    stp: SelfTradePrevention = "cancel_taker"
    expires_at: Instant | None = None
    display_lots: Count | None = None
    min_lots: Count | None = None
    entitlement_id: Id | None = None
    auction_id: Id | None = None
    prevented: list[Prevented] = []
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


class PaperFunds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paper money of a test market, to be added to the balance."""

    amount_nano_usd: Positive


class EntitlementView(msgspec.Struct, frozen=True, kw_only=True):
    """CU bought from a provider, drawable from `starts_at` until `expires_at`.

    While `lodged` it is offered for resale and not drawn. What was split off for that is an entitlement of
    its own, which names its `origin_id`. A later refund is what is left of escrow and deferred fee.
    """

    entitlement_id: Id
    compute_class: Name
    provider_id: Id
    delivery: Literal["spot", "idle"]
    quantity_ucu: Positive
    used_ucu: Count
    reserved_ucu: Count
    available_ucu: Count
    escrow_nano_usd: Count
    origin_id: Id | None = None
    starts_at: Instant
    expires_at: Instant
    status: Literal["live", "lodged", "sold", "busted", "expired"]


class JobAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's try at a job; `compute_ucu` is what of the bill is its own, once the job is settled."""

    provider_id: Id
    epoch: Positive
    outcome: Literal["running", "finished", "failed", "expired"]
    reason: str
    output_tokens: Count
    compute_ucu: Count | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """An inference job; meter and charge are null until it is settled.

    `routing` is what the caller asked of providers, `route` why the job went where it went, with the
    candidates that there were; `attempts` are its leases. Who `paid_by` is the public-access pool for jobs of
    organisations without money. They are told of a job that is asked for by its id. A tranche of an adaptive
    request names it (`adaptive_id`).
    """

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
    paid_by: Literal["organisation", "public_access"] = "organisation"
    adaptive_id: Id | None = None
    routing: dict[str, Any] = {}
    route: dict[str, Any] = {}
    attempts: list[JobAttempt] = []
