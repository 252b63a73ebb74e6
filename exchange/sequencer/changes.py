"""What a batch of commands changes, gathered to be written in bulk."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from billing.ledger.chart import AccountRef, Kind, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from core.ids import new_id
from exchange.engine.orders import Phase, Side
from exchange.sequencer.auctions import AuctionState
from exchange.sequencer.limits import Rates, Terms
from exchange.sequencer.money import Trade
from exchange.sequencer.protocol import Decided, Verdict
from exchange.sequencer.resale import Lodged
from exchange.sequencer.risk import Backing
from exchange.sequencer.state import DeadManSwitch, Market, OrderState, StandingOffer


@dataclass(frozen=True, slots=True)
class Journaled:
    """A sequenced command with its verdict, and the operations on books that it came to."""

    sequence: int
    key: str | None
    body_sha256: bytes
    command: Decided
    verdict: Verdict
    effects: list[tuple[str, msgspec.Raw]]


@dataclass(slots=True)
class MarketChange:
    """What changed in one market: levels touched (side, ticks), trades, phase and auction if they did."""

    market: Market
    levels: set[tuple[Side, int]] = field(default_factory=set)
    trades: list[Trade] = field(default_factory=list)
    busts: list[dict[str, Any]] = field(default_factory=list)
    phase: Phase | None = None
    auction: AuctionState | None = None


@dataclass(slots=True)
class Changes:
    """The rows to write. Orders are written as they stand at the end of the batch.

    `effects` are those of the command at work; `account_events` are (organisation, type, body) in the
    order in which things happened.
    """

    now: datetime
    journal: list[Journaled] = field(default_factory=list)
    orders: dict[str, OrderState] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)
    placements: list[HoldPlacement] = field(default_factory=list)
    backings: dict[tuple[uuid.UUID, str], Backing] = field(default_factory=dict)
    dead_men: dict[uuid.UUID, DeadManSwitch] = field(default_factory=dict)
    auctions: dict[uuid.UUID, AuctionState] = field(default_factory=dict)
    standing: dict[uuid.UUID, StandingOffer] = field(default_factory=dict)
    effects: list[tuple[str, msgspec.Raw]] = field(default_factory=list)
    markets: dict[str, MarketChange] = field(default_factory=dict)
    terms: dict[uuid.UUID, Terms] = field(default_factory=dict)
    tiers: dict[tuple[uuid.UUID, str], Rates] = field(default_factory=dict)
    returned: dict[uuid.UUID, Lodged] = field(default_factory=dict)
    account_events: list[tuple[uuid.UUID, str, dict[str, Any]]] = field(default_factory=list)
    accounts: set[uuid.UUID] = field(default_factory=set)
    _steps: dict[uuid.UUID, list[int]] = field(default_factory=dict)

    @property
    def steps(self) -> list[HoldStep]:
        """Return what is resolved of each hold, one step a hold."""
        return [HoldStep(hold_id, capture=c, release=r) for hold_id, (c, r) in self._steps.items()]

    @property
    def issue_floors(self) -> dict[AccountRef, int]:
        """Return −Q for each account in which a provider owes what was sold."""
        return {
            holding.account(Kind.ISSUE): -holding.quantity_ucu
            for trade in self.trades
            for holding in trade.holdings
        }

    def of_market(self, market: Market) -> MarketChange:
        """Return what changed in a market, to add to it."""
        symbol = market.instrument.symbol
        if symbol not in self.markets:
            self.markets[symbol] = MarketChange(market)
        return self.markets[symbol]

    def phase(self, market: Market, phase: Phase) -> None:
        """Have the new phase written and told."""
        self.of_market(market).phase = phase

    def auction(self, market: Market, auction: AuctionState) -> None:
        """Have an auction of a market written and told as it now stands."""
        self.auctions[auction.id] = auction
        self.of_market(market).auction = auction

    def touch(self, order: OrderState) -> None:
        """Have the order's row written, and its owner told."""
        self.orders[order.hex] = order
        self.accounts.add(order.organisation_id)

    def tell(self, organisation_id: uuid.UUID, kind: str, body: dict[str, Any]) -> None:
        """Have an event of an account written."""
        self.account_events.append((organisation_id, kind, body))

    def trade(self, market: Market, trade: Trade) -> None:
        """Have a trade written, posted and told."""
        self.trades.append(trade)
        self.entries.append(trade.entry())
        self.of_market(market).trades.append(trade)
        self.accounts.update((trade.buyer_id, trade.holder_id, trade.seller_id))

    def lodged(self, lodged: Lodged) -> None:
        """Have an entitlement given back whose offer has ended, or closed if all of it is sold."""
        self.returned[lodged.id] = lodged

    def place_hold(self, order: OrderState, amount_nano_usd: int) -> uuid.UUID:
        """Set money aside for an order; return the hold's id."""
        hold_id = new_id()
        wallet = of_organisation(Kind.WALLET, order.organisation_id)
        self.placements.append(HoldPlacement(hold_id, wallet, amount_nano_usd, "order", order.hex))
        return hold_id

    def step_hold(self, hold_id: uuid.UUID, *, capture: int, release: int) -> None:
        """Resolve a part of a hold."""
        step = self._steps.setdefault(hold_id, [0, 0])
        step[0] += capture
        step[1] += release

    def issued_ucu(self, provider_id: uuid.UUID, pool: str) -> int:
        """Return what a provider has sold of a class in this batch so far."""
        return sum(
            trade.quantity_ucu
            for trade in self.trades
            if not trade.is_resale and trade.seller_id == provider_id and trade.instrument.pool == pool
        )
