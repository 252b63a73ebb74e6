"""A market in memory for tests of decisions: no database, no socket."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.busts import BustedTrade
from exchange.sequencer.changes import Changes
from exchange.sequencer.commands import HANDLERS, Decider
from exchange.sequencer.facts import Instrument
from exchange.sequencer.resale import Lodged
from exchange.sequencer.state import Market, State
from tests.unit.sequencer.test_risk import instrument

BUYER, SELLER = UUID(int=101), UUID(int=102)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
FUNDS = 10_000_000_000


@dataclass
class MemoryMarket:
    """Two traders of instrument `x`: a buyer with money, a seller with capacity."""

    terms: Instrument
    state: State = field(init=False)
    decider: Decider = field(init=False)
    database: "Database" = field(init=False)

    def __post_init__(self) -> None:
        """Fill the wallet and the capacity."""
        market = Market(self.terms, Engine(), reference_ticks=self.terms.first_reference_ticks)
        self.state = State(markets={"x": market})
        self.state.wallets[BUYER].posted = FUNDS
        backing = self.state.backings[SELLER, "c"]
        backing.rate_ucu_per_s, backing.tier_factor_ppm = 1_000, 1_000_000
        self.database = Database()
        self.decider = Decider(self.state, Changes(NOW), self.database, HANDLERS)

    @property
    def market(self) -> Market:
        """Return the market of `x`."""
        return self.state.markets["x"]

    def do(self, command: p.Command) -> p.Verdict:
        """Decide a command."""
        return self.decider.decide(command)

    def order(self, who: UUID, side: Any, price: int | None, lots: int, **other: Any) -> p.Verdict:
        """Place an order."""
        command = p.NewOrder(
            organisation_id=who, instrument="x", side=side, price_ticks=price, quantity_lots=lots, **other
        )
        return self.do(command)

    def refused(self, verdict: p.Verdict, code: str, before: str) -> bool:
        """Tell whether it was refused with this code and nothing moved since the state had this hash."""
        return verdict.body["error"]["code"] == code and self.state.state_hash() == before

    def open(self) -> list[tuple[str, int | None, int]]:
        """Return side, price and lots of what is open."""
        return [(o.side, o.price_ticks, o.leaves_lots) for o in self.state.orders.values()]


class Database:
    """What a decision may look up: what the test puts in. Nothing is drawn."""

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


def memory_market(**terms: int) -> MemoryMarket:
    """Make a market with these terms of its instrument."""
    return MemoryMarket(instrument(**terms))
