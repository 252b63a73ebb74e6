"""What the trading API answers, where `cux.wire.orders` does not say it already.

Integers are exact and decide; the `usd` strings beside them are for people.
"""

from typing import Literal

import msgspec

from api.openai.effort import Effort, Quality
from api.openai.options import Amount
from cux.wire.adaptive import AdaptivePlan
from cux.wire.orders import BalanceView, BookView, OrderView, Phase, TradeView


class InstrumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A tradable contract. p ticks for q lots cost p · q · `tick_nano_usd` nano-USD.

    Prices lie within the band, and within `band_ppm` of the reference price; a trade further than
    `volatility_ppm` from it would start an auction of `volatility_auction_s` instead. 0: no such rule.
    """

    instrument: str
    compute_class: str
    model: str
    delivery: Literal["spot", "idle"]
    phase: Phase
    lot_ucu: int
    tick_nano_usd: int
    tick_usd_per_cu: str
    band_low_ticks: int
    band_high_ticks: int
    band_ppm: int
    volatility_ppm: int
    volatility_auction_s: int
    min_order_lots: int
    max_order_lots: int
    max_notional_nano_usd: int
    max_open_orders: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    window_s: int


class PricedBook(BookView, frozen=True, kw_only=True):
    """The book with its phase and best prices in dollars per compute unit."""

    phase: Phase
    best_bid_usd_per_cu: str | None
    best_ask_usd_per_cu: str | None


class PricedTrade(TradeView, frozen=True, kw_only=True):
    """A match with its price in dollars per compute unit."""

    usd_per_cu: str


class PricedOrder(OrderView, frozen=True, kw_only=True):
    """An order with its limit in dollars per compute unit."""

    usd_per_cu: str | None


class AccountBalances(BalanceView, frozen=True, kw_only=True):
    """All money of an organisation. `available` can be traded with now, `arriving` within a moment:

    it was paid in or returned and is on its way to the trading wallet, not counted in `posted`. Earnings
    and hold-back are a provider's, and apart too.
    """

    arriving_nano_usd: int
    earnings_nano_usd: int
    hold_back_nano_usd: int
    available_usd: str


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to be quoted: `messages` or `prompt`, and a cap in tokens or in µCU, or both.

    With `quality`, `reasoning_effort` or `value_usd` a model with a ladder is asked, as by a chat.
    """

    model: str
    messages: list[dict[str, str]] | None = None
    prompt: str | None = None
    max_tokens: int | None = None
    max_compute_ucu: int | None = None
    quality: Quality | None = None
    reasoning_effort: Effort | None = None
    value_usd: Amount | None = None


class QuoteView(msgspec.Struct, frozen=True, kw_only=True):
    """The most a job would use. Nothing is reserved.

    Of an adaptive request it is the most of all its tranches; `plan` says more. The rest is of the first.
    """

    model: str
    compute_class: str
    card_hash: str
    prompt_tokens: int
    max_tokens: int
    quote_ucu: int
    plan: AdaptivePlan | None = None


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider did with one model in the last seven days.

    `reliability_ppm` is the lower end of Wilson's interval (95 %) of the share of leases that it delivered;
    times are from a lease's grant to its first token, and null while none was delivered.
    """

    model: str
    delivered: int
    failed: int
    reliability_ppm: int
    first_token_p50_ms: int | None
    first_token_p99_ms: int | None


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """Who delivers compute, and whether it is there now. Orders choose providers by `organisation_id`.

    `circuit` is `open` while it rests after faults in a row: no job goes there; `half_open` once one may
    try it again.
    """

    provider_id: str
    organisation_id: str
    name: str
    trust_tier: str
    up: bool
    draining: bool
    models: list[str]
    rate_ucu_per_s: int
    receipts: int
    circuit: Literal["closed", "open", "half_open"]
    standings: list[StandingView]


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """A model's compute card: with it anyone can recompute a bill."""

    model: str
    compute_class: str
    context_tokens: int
    licence: str
    card_hash: str
    card: dict[str, int | str | bool]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An Ed25519 public key, hex, with the short name that receipts carry."""

    owner: str
    key_id: str
    public_key: str


class RetiredKeyView(KeyView, frozen=True, kw_only=True):
    """A key that the exchange signed with before: it counts for what was signed in this time."""

    valid_from: str
    valid_until: str


class KeysView(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that receipts and heads of the ledger are verified with."""

    exchange: KeyView
    retired: list[RetiredKeyView]
    providers: list[KeyView]


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account after its event number `seq`: with this its stream begins.

    `has_more` if there are more open orders than the newest 1,000. `reason` is there if the reader asked to
    go on from an event that is not kept any more, or never was.
    """

    seq: int
    balances: AccountBalances
    open_orders: list[PricedOrder]
    has_more: bool
    reason: Literal["resync"] | None = None


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A model as OpenAI's clients read it; `cux` says what it is traded and metered as."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "cux"
    cux: dict[str, int | str | bool]
