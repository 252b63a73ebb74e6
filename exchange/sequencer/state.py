"""Everything the sequencer holds in memory. PostgreSQL has the same; `rebuild` makes this from it."""

import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from exchange.engine import Engine
from exchange.engine.orders import OrderType, Side, StpMode
from exchange.engine.protocol import New
from exchange.sequencer.auctions import AuctionState
from exchange.sequencer.deadlines import Deadlines
from exchange.sequencer.facts import Instrument, TimeInForce
from exchange.sequencer.limits import DEFAULT_TERMS, Rates, Terms
from exchange.sequencer.resale import Lodged
from exchange.sequencer.risk import Backing, Wallet, worst_case_nano_usd
from exchange.sequencer.runaway import Output

EXPIRY: Final = "expiry"
DEAD_MAN: Final = "dead_man"
AUCTION: Final = "auction"
RUNAWAY: Final = "runaway"


class DeadManSwitch(NamedTuple):
    """When all orders of an account are cancelled unless it says otherwise; 0 seconds: never."""

    timeout_s: int
    expires_at: datetime


class OrderState(msgspec.Struct, eq=False, gc=False):
    """An order as its row will show it, and what it has set aside.

    No cycle can go through it, so the collector need not walk over a book's orders.
    """

    id: uuid.UUID
    instrument: Instrument
    organisation_id: uuid.UUID
    beneficiary_id: uuid.UUID
    client_order_id: str | None
    side: Side
    type: OrderType
    tif: TimeInForce
    post_only: bool
    stp: StpMode
    price_ticks: int | None
    limit_ticks: int
    quantity_lots: int
    leaves_lots: int
    created_at: datetime
    maker_fee_ppm: int
    taker_fee_ppm: int
    budget_nano_usd: int | None = None
    budget_ticks_lots: int = 0
    display_lots: int | None = None
    slice_lots: int = 0
    min_lots: int | None = None
    only_providers: tuple[uuid.UUID, ...] = ()
    ignore_providers: tuple[uuid.UUID, ...] = ()
    expires_at: datetime | None = None
    entitlement_id: uuid.UUID | None = None
    auction_id: uuid.UUID | None = None
    window_ends_at: datetime | None = None
    """When the compute ends that it sells on."""
    min_window_ends_at: datetime | None = None
    """It buys compute on that ends at this moment or later."""
    cumulative_lots: int = 0
    notional_nano_usd: int = 0
    fee_nano_usd: int = 0
    status: str = "open"
    reason: str = ""
    priority: int = 0
    hold_id: uuid.UUID | None = None
    held_nano_usd: int = 0
    offered_ucu: int = 0
    beneficiary_ucu: int | None = None
    """What the beneficiary still gets of an order that does not rest; None: everything."""
    unsettled_nano_usd: int = 0
    """Paid by trades of the command at work, and not yet taken from the hold."""
    hex: str = ""
    """Its id as engine and memory name it."""

    def __post_init__(self) -> None:
        """Spell the id once: every step of an order asks for it."""
        self.hex = self.id.hex

    @property
    def rates(self) -> Rates:
        """Return the fees it pays, which were fixed when it was placed."""
        return Rates(self.maker_fee_ppm, self.taker_fee_ppm)

    @property
    def is_open(self) -> bool:
        """Tell whether the order rests or is about to."""
        return self.status == "open"

    def facts(self) -> tuple[Any, ...]:
        """Return what may have changed since it was placed, to compare it: id, lots, money, hold, limit."""
        lots = (self.quantity_lots, self.leaves_lots, self.cumulative_lots, self.slice_lots)
        money = (self.notional_nano_usd, self.fee_nano_usd, self.held_nano_usd)
        hold = self.hold_id.hex if self.hold_id else ""
        return (self.hex, *lots, *money, hold, self.limit_ticks)

    def worst_case_nano_usd(self, price_ticks: int, quantity_lots: int) -> int:
        """Return the most that buying this can take from the wallet, at the order's own fees."""
        return worst_case_nano_usd(self.instrument, price_ticks, quantity_lots, self.rates.worst_ppm)

    @property
    def needed_nano_usd(self) -> int:
        """Return what buying this may cost at worst: its budget, or price and fee of every open lot."""
        if self.budget_nano_usd is not None:
            return self.budget_nano_usd
        return self.worst_case_nano_usd(self.limit_ticks, self.leaves_lots)

    def for_engine(self) -> New:
        """Return the order as an engine takes it: a market order is a limit order at its protection."""
        return New(
            id=self.hex,
            account=self.organisation_id.hex,
            side=self.side,
            tif="GTC" if self.tif == "GTD" or self.tif == "DAY" else self.tif,
            price=self.limit_ticks,
            qty=self.leaves_lots,
            post_only=self.post_only,
            stp=self.stp,
            priority=self.priority,
            display=self.display_lots or 0,
            slice=self.slice_lots,
            min_qty=self.min_lots or 0,
            only=tuple([id.hex for id in self.only_providers]) if self.only_providers else (),
            ignore=tuple([id.hex for id in self.ignore_providers]) if self.ignore_providers else (),
            budget=self.budget_ticks_lots,
            end=_epoch_s(self.window_ends_at),
            min_end=_epoch_s(self.min_window_ends_at),
        )


@dataclass(slots=True, eq=False)
class StandingOffer:
    """What a provider offers in every auction of an instrument until it withdraws it."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    instrument: Instrument
    price_ticks: int
    quantity_lots: int
    created_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class Market:
    """An instrument, its engine, the numbers of its last trade and event, and its reference price.

    The reference is what last traded and was printed, in ticks; before that the instrument's own.
    `auction` is the one that runs, if any; `standing` are the standing offers by organisation,
    `output` counts what it trades.
    """

    instrument: Instrument
    engine: Engine
    trade_sequence: int = 0
    event_sequence: int = 0
    reference_ticks: int = 0
    auction: AuctionState | None = None
    standing: dict[uuid.UUID, StandingOffer] = field(default_factory=dict)
    output: Output = field(default_factory=Output)

    @property
    def band(self) -> tuple[int, int]:
        """Return the lowest and the highest price in ticks that an order may name now."""
        return self.instrument.band(self.reference_ticks)


@dataclass(slots=True)
class State:
    """Books, open orders, wallets and backing of a shard, and the numbers of its last command and events.

    `client_ids` finds an open order by its organisation and client_order_id; `open_orders` has an account's
    on an instrument by id. `terms` has the accounts for which operators have set something, `tiers` the
    fees by instrument and tier, `lodged` the entitlements in open offers. `deadlines` follow from the rest:
    they are what is promised for a moment.
    """

    sequence: int = 0
    account_sequences: defaultdict[uuid.UUID, int] = field(default_factory=lambda: defaultdict(int))
    markets: dict[str, Market] = field(default_factory=dict)
    orders: dict[str, OrderState] = field(default_factory=dict)
    client_ids: dict[tuple[uuid.UUID, str], str] = field(default_factory=dict)
    open_orders: defaultdict[tuple[uuid.UUID, str], dict[str, OrderState]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    terms: dict[uuid.UUID, Terms] = field(default_factory=dict)
    tiers: dict[tuple[uuid.UUID, str], Rates] = field(default_factory=dict)
    lodged: dict[uuid.UUID, Lodged] = field(default_factory=dict)
    wallets: defaultdict[uuid.UUID, Wallet] = field(default_factory=lambda: defaultdict(Wallet))
    backings: defaultdict[tuple[uuid.UUID, str], Backing] = field(
        default_factory=lambda: defaultdict(Backing)
    )
    dead_men: dict[uuid.UUID, DeadManSwitch] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)

    def add(self, order: OrderState) -> None:
        """Know an open order by its ids, and when it expires."""
        self.orders[order.hex] = order
        if order.expires_at is not None:
            self.deadlines.set((EXPIRY, order.hex), order.expires_at)
        self.open_orders[order.organisation_id, order.instrument.symbol][order.hex] = order
        if order.client_order_id is not None:
            self.client_ids[order.organisation_id, order.client_order_id] = order.hex

    def remove(self, order: OrderState) -> None:
        """Forget an order that has ended."""
        del self.orders[order.hex]
        del self.open_orders[order.organisation_id, order.instrument.symbol][order.hex]
        if order.client_order_id is not None:
            del self.client_ids[order.organisation_id, order.client_order_id]
        if order.expires_at is not None:
            self.deadlines.clear((EXPIRY, order.hex))

    def set_dead_man(self, organisation_id: uuid.UUID, switch: DeadManSwitch) -> None:
        """Know an organisation's switch, or that it has none."""
        key = (DEAD_MAN, organisation_id.hex)
        if switch.timeout_s:
            self.dead_men[organisation_id] = switch
            self.deadlines.set(key, switch.expires_at)
        else:
            self.dead_men.pop(organisation_id, None)
            self.deadlines.clear(key)

    def terms_of(self, organisation_id: uuid.UUID) -> Terms:
        """Return what operators have set for an account."""
        return self.terms.get(organisation_id, DEFAULT_TERMS) if self.terms else DEFAULT_TERMS

    def rates_of(self, organisation_id: uuid.UUID, instrument: Instrument) -> Rates:
        """Return an account's fees on an instrument: those of its tier there, else the instrument's own."""
        own = Rates(instrument.maker_fee_ppm, instrument.taker_fee_ppm)
        if not self.tiers:
            return own
        return self.tiers.get((instrument.id, self.terms_of(organisation_id).fee_tier), own)

    def set_auction(self, market: Market, auction: AuctionState | None) -> None:
        """Know the auction that runs in a market and when its next step is due, or that there is none."""
        market.auction = auction
        key = (AUCTION, market.instrument.symbol)
        if auction is None:
            self.deadlines.clear(key)
        else:
            self.deadlines.set(key, auction.next_at)

    def orders_of(self, organisation_id: uuid.UUID, symbol: str | None) -> list[OrderState]:
        """Return an organisation's open orders, on one instrument or all, oldest first in each."""
        return [
            order
            for each in (self.markets if symbol is None else (symbol,))
            if (organisation_id, each) in self.open_orders
            for order in sorted(self.open_orders[organisation_id, each].values(), key=lambda o: o.priority)
        ]

    def state_hash(self) -> str:
        """Return SHA-256 in hexadecimal over the books, open orders, holds, wallets, capacity and numbers.

        Issued compute is left out: it is a copy that may lag (see `Backing`).
        """
        numbers = sorted(
            (symbol, m.trade_sequence, m.event_sequence, m.reference_ticks)
            for symbol, m in self.markets.items()
            if m.event_sequence
        )
        told = sorted((id.hex, sequence) for id, sequence in self.account_sequences.items() if sequence)
        orders = sorted(order.facts() for order in self.orders.values())
        wallets = sorted((id.hex, w.posted, w.held) for id, w in self.wallets.items() if w.posted or w.held)
        backings = sorted(
            (id.hex, compute_class, b.rate_ucu_per_s, b.tier_factor_ppm, b.offered_ucu)
            for (id, compute_class), b in self.backings.items()
            if b.rate_ucu_per_s is not None
        )
        dead_men = sorted((id.hex, s.timeout_s, s.expires_at) for id, s in self.dead_men.items())
        terms = sorted((id.hex, msgspec.structs.astuple(some)) for id, some in self.terms.items())
        tiers = sorted((id.hex, tier, *rates) for (id, tier), rates in self.tiers.items())
        auctions = sorted((symbol, m.auction.facts()) for symbol, m in self.markets.items() if m.auction)
        offers = (offer for market in self.markets.values() for offer in market.standing.values())
        standing = sorted((o.id.hex, o.price_ticks, o.quantity_lots) for o in offers)
        lodged = sorted((id.hex, some.quantity_ucu, some.used_ucu) for id, some in self.lodged.items())
        parts = (numbers, told, orders, wallets, backings, dead_men, terms, tiers, auctions, standing, lodged)
        return _digest((self.sequence, self.books_hash(), *parts))

    def books_hash(self) -> str:
        """Return SHA-256 in hexadecimal over the books; one that is as it was listed does not count.

        Memory learns of those only when somebody asks for them.
        """
        hashes = []
        for symbol, market in self.markets.items():
            engine = market.engine
            if market.event_sequence or engine.snapshot():
                hashes.append((symbol, engine.state_hash()))
        return _digest(sorted(hashes))


def _epoch_s(moment: datetime | None) -> int:
    """Return whole seconds since 1970, or 0 for no moment."""
    return int(moment.timestamp()) if moment is not None else 0


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()
