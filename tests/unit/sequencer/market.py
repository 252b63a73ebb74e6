"""A desk with one who buys and one who sells."""

from uuid import UUID

from exchange.sequencer import protocol as p
from exchange.sequencer.facts import Instrument
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.test_risk import instrument

BUYER, SELLER = UUID(int=101), UUID(int=102)
NOW = START
FUNDS = 10_000_000_000


class MemoryMarket(Desk):
    """Two traders of instrument `x`: a buyer with money, a seller with capacity."""

    def __init__(self, terms: Instrument) -> None:
        """Fill the wallet and the capacity."""
        super().__init__(terms, funds=0)
        self.state.wallets[BUYER].posted = FUNDS
        backing = self.state.backings[SELLER, "c"]
        backing.rate_ucu_per_s, backing.tier_factor_ppm = 1_000, 1_000_000

    def refused(self, verdict: p.Verdict, code: str, before: str) -> bool:
        """Tell whether it was refused with this code and nothing moved since the state had this hash."""
        return verdict.body["error"]["code"] == code and self.state.state_hash() == before

    def resting(self) -> list[tuple[str, int | None, int]]:
        """Return side, price and lots of what is open."""
        return [(o.side, o.price_ticks, o.leaves_lots) for o in self.state.orders.values()]


def memory_market(**terms: int) -> MemoryMarket:
    """Make a market with these terms of its instrument."""
    return MemoryMarket(instrument(**terms))
