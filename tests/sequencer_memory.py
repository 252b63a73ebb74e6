"""The sequencer's decisions without its process: one market in memory, and a clock that a test sets."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.busts import BustedTrade
from exchange.sequencer.changes import Changes
from exchange.sequencer.commands import HANDLERS, Decider, timers
from exchange.sequencer.facts import Instrument
from exchange.sequencer.resale import Lodged
from exchange.sequencer.state import Market, OrderState, State

START = datetime(2026, 1, 2, tzinfo=UTC)


class Database:
    """What a decision may look up: what the test puts in. Nothing is drawn, and no row is taken."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.markets: dict[str, Market] = {}
        self.entitlements: dict[UUID, Lodged] = {}
        self.busts: dict[UUID, BustedTrade] = {}

    def market(self, symbol: str) -> Market | None:
        return self.markets.get(symbol)

    def lodged(self, entitlement_id: UUID) -> Lodged | None:
        return self.entitlements.get(entitlement_id)

    def busted(self, trade_id: UUID) -> BustedTrade | None:
        return self.busts.get(trade_id)

    def issued_ucu(self, provider_id: UUID, pool: str) -> int:
        return 0

    def take_balance(self, account_id: UUID) -> bool:
        return True


class Desk:
    """Accounts with money and capacity on one market, `x`, and all that their commands changed."""

    def __init__(self, facts: Instrument, *accounts: UUID, funds: int, rate: int = 1, tier: int = 1) -> None:
        """Give each account `funds` nano-USD and capacity at `rate` µCU/s and `tier` ppm."""
        self.state = State(
            markets={"x": Market(facts, Engine(), reference_ticks=facts.first_reference_ticks)}
        )
        for id in accounts:
            self.state.wallets[id].posted = funds
            self.state.backings[id, "c"].rate_ucu_per_s = rate
            self.state.backings[id, "c"].tier_factor_ppm = tier
        self.changes = Changes(START)
        self.database = Database()
        self.decider = Decider(self.state, self.changes, self.database, HANDLERS)

    @property
    def market(self) -> Market:
        """Return the market of `x`."""
        return self.state.markets["x"]

    def decide(self, command: p.Decided) -> p.Verdict:
        """Have a command decided now."""
        return self.decider.decide(command)

    def order(self, who: UUID, side: Any, price: int | None, lots: int | None, **other: Any) -> p.Verdict:
        """Place an order."""
        placed = p.NewOrder(
            organisation_id=who, instrument="x", side=side, price_ticks=price, quantity_lots=lots, **other
        )
        return self.decide(placed)

    def open(self, verdict: p.Verdict) -> OrderState | None:
        """Return the order that a verdict is about, if it is open."""
        return self.state.orders.get(verdict.body["order_id"].removeprefix("ord_"))

    def at(self, seconds: float) -> list[p.Verdict]:
        """Let it be so long after the start; return the verdicts of what fell due."""
        self.changes.now = START + timedelta(seconds=seconds)
        verdicts = []
        while due := timers.what_is_due(self.state, self.changes.now):
            verdicts.append(self.decide(due))
        return verdicts
