"""What the exchange answers, where `cux.wire.orders` does not say it already.

Integers are exact and decide; the `usd` strings beside them are for people. Fields that a newer exchange
adds are ignored.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from cux.wire.adaptive import AdaptivePlan, TrancheView
from cux.wire.card import ComputeCard
from cux.wire.fields import Instant
from cux.wire.orders import BalanceView, BookView, OrderView, TradeView
from cux.wire.streams import AccountDelta, AuctionNews

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list, or the whole of a short one."""

    data: list[T]
    has_more: bool = False
    next_cursor: str | None = None


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A tradable contract. p ticks for q lots cost p · q · `tick_nano_usd` nano-USD.

    Of the bands and the limit of an order's worth 0 says that there is none.
    """

    instrument: str
    compute_class: str
    model: str
    delivery: str
    phase: str
    lot_ucu: int
    tick_nano_usd: int
    tick_usd_per_cu: str
    band_low_ticks: int
    band_high_ticks: int
    band_ppm: int = 0
    volatility_ppm: int = 0
    volatility_auction_s: int = 0
    min_order_lots: int = 1
    max_order_lots: int
    max_notional_nano_usd: int = 0
    max_open_orders: int = 0
    maker_fee_ppm: int
    taker_fee_ppm: int
    window_s: int


class Book(BookView, frozen=True, kw_only=True):
    """The book with its phase and best prices in dollars per compute unit."""

    phase: str
    best_bid_usd_per_cu: str | None = None
    best_ask_usd_per_cu: str | None = None


class Trade(TradeView, frozen=True, kw_only=True):
    """A match with its price in dollars per compute unit."""

    usd_per_cu: str


class Order(OrderView, frozen=True, kw_only=True):
    """An order; its limit in dollars per compute unit is there when it is read, not when it is placed."""

    usd_per_cu: str | None = None


class Balances(BalanceView, frozen=True, kw_only=True):
    """All money of the organisation. Orders are paid from what is available.

    `arriving` is paid in and not yet in the trading wallet; earnings and hold-back are a provider's.
    """

    arriving_nano_usd: int = 0
    earnings_nano_usd: int
    hold_back_nano_usd: int
    available_usd: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account after event `seq`: its trading wallet, its open orders, and the event if it was one."""

    seq: int
    wallet: BalanceView
    open_orders: list[OrderView]
    event: AccountDelta | None = None


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A market at a moment: the best levels, the trades since the one before, newest first, the auction.

    `busts` are earlier trades that were undone since the one before.
    """

    book: Book
    trades: list[TradeView]
    busts: list[TradeView] = []
    auction: AuctionNews | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The most a job would use. Nothing is reserved. Of an adaptive request all tranches, with its `plan`."""

    model: str
    compute_class: str
    card_hash: str
    prompt_tokens: int
    max_tokens: int
    quote_ucu: int
    plan: AdaptivePlan | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be asked; `cux` says what it is traded and metered as."""

    id: str
    created: int
    owned_by: str
    cux: dict[str, Any] = {}


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Who delivers compute, and whether it is there now. Orders choose providers by `organisation_id`."""

    provider_id: str
    organisation_id: str = ""
    name: str
    trust_tier: str
    up: bool
    draining: bool
    models: list[str]
    rate_ucu_per_s: int
    receipts: int


class PublishedCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model's compute card as published."""

    model: str
    compute_class: str
    card_hash: str
    card: dict[str, Any]

    def compute_card(self) -> ComputeCard:
        """Return the card itself. Raises cux.wire.card.CardError if it describes none."""
        return ComputeCard.from_payload(self.card)


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """An Ed25519 public key in hex, with the short name that receipts carry."""

    owner: str
    key_id: str
    public_key: str


class RetiredKey(PublicKey, frozen=True, kw_only=True):
    """A key that the exchange signed with before: it counts for what was signed in this time."""

    valid_from: Instant
    valid_until: Instant

    def was_valid(self, moment: datetime) -> bool:
        """Tell whether the exchange signed with it then."""
        return datetime.fromisoformat(self.valid_from) <= moment <= datetime.fromisoformat(self.valid_until)


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that receipts are verified with."""

    exchange: PublicKey
    providers: list[PublicKey]
    retired: list[RetiredKey] = []

    def exchange_keys_at(self, instant: str) -> list[str]:
        """Return the keys, in hex, for what says that the exchange signed it at that instant (RFC 3339)."""
        moment = datetime.fromisoformat(instant)
        before = [key.public_key for key in self.retired if key.was_valid(moment)]
        return [self.exchange.public_key, *before]


class CuxUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a completion was metered and charged, and where its receipt is.

    Of an adaptive request that is all its tranches; card, job and receipt are of the answer that is kept.
    """

    compute_ucu: int
    quote_ucu: int
    cost_nano_usd: int
    cost_usd: str
    card_hash: str
    job_id: str
    receipt_hash: str | None = None
    receipt_url: str | None = None
    adaptive_id: str | None = None
    plan: AdaptivePlan | None = None
    tranches: list[TrancheView] = []


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as OpenAI counts them, and under `cux` the meter and the charge."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cux: CuxUsage


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A turn of a conversation, or the part of it that a chunk adds."""

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer of a completion."""

    message: Message
    finish_reason: str


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    model: str
    choices: list[Choice]
    usage: Usage

    @property
    def text(self) -> str:
        """Return what the model said."""
        return self.choices[0].message.content or ""

    @property
    def finish_reason(self) -> str:
        """Return why it ended: `stop` or `length`."""
        return self.choices[0].finish_reason


class TextChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One continuation of a text."""

    text: str
    finish_reason: str


class TextCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A text continued."""

    id: str
    model: str
    choices: list[TextChoice]
    usage: Usage

    @property
    def text(self) -> str:
        """Return what the model added."""
        return self.choices[0].text


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a chunk adds to the answer."""

    delta: Message
    finish_reason: str | None = None


class CompletionChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a streamed answer; the last one carries the usage and no text."""

    id: str
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """Return the text this piece adds."""
        return "".join(choice.delta.content or "" for choice in self.choices)

    @property
    def finish_reason(self) -> str | None:
        """Return why the answer ended, in the piece where it ends."""
        return self.choices[0].finish_reason if self.choices else None
