"""What a batch of commands changes, gathered to be written in bulk."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from billing.ledger.chart import AccountRef, Kind, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from core.ids import new_id
from exchange.engine.orders import Phase
from exchange.sequencer.money import Trade
from exchange.sequencer.protocol import Command, Verdict
from exchange.sequencer.risk import Backing
from exchange.sequencer.state import OrderState


@dataclass(frozen=True, slots=True)
class Journaled:
    """A sequenced command with its verdict."""

    sequence: int
    key: str | None
    body_sha256: bytes
    command: Command
    verdict: Verdict


@dataclass(slots=True)
class Changes:
    """The rows to write. Orders are written as they stand at the end of the batch."""

    now: datetime
    journal: list[Journaled] = field(default_factory=list)
    orders: dict[uuid.UUID, OrderState] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)
    placements: list[HoldPlacement] = field(default_factory=list)
    backings: dict[tuple[uuid.UUID, str], Backing] = field(default_factory=dict)
    phases: dict[uuid.UUID, Phase] = field(default_factory=dict)
    trade_counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
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

    def touch(self, order: OrderState) -> None:
        """Have the order's row written, and the market and its owner told."""
        self.orders[order.id] = order
        self.trade_counts[order.instrument.symbol] += 0
        self.accounts.add(order.organisation_id)

    def trade(self, trade: Trade) -> None:
        """Have a trade written and posted."""
        self.trades.append(trade)
        self.entries.append(trade.entry())
        self.trade_counts[trade.instrument.symbol] += 1
        self.accounts.add(trade.holder_id)

    def place_hold(self, order: OrderState, amount_nano_usd: int) -> uuid.UUID:
        """Set money aside for an order; return the hold's id."""
        hold_id = new_id()
        wallet = of_organisation(Kind.WALLET, order.organisation_id)
        self.placements.append(HoldPlacement(hold_id, wallet, amount_nano_usd, "order", order.id.hex))
        return hold_id

    def step_hold(self, hold_id: uuid.UUID, *, capture: int, release: int) -> None:
        """Resolve a part of a hold."""
        step = self._steps.setdefault(hold_id, [0, 0])
        step[0] += capture
        step[1] += release

    def issued_ucu(self, provider_id: uuid.UUID, compute_class: str) -> int:
        """Return what a provider has sold of a class in this batch so far."""
        return sum(
            trade.quantity_ucu
            for trade in self.trades
            if trade.seller_id == provider_id and trade.instrument.compute_class == compute_class
        )
