"""What the sequencer makes of a bust: the price is no reference any more, unless others have followed."""

from uuid import UUID

from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.busts import BustedTrade
from exchange.sequencer.state import Market
from tests.unit.sequencer.market import BUYER, NOW, SELLER, MemoryMarket, memory_market

TRADE = UUID(int=7)
COMMAND = p.Bust(trade_id=TRADE, instrument="x", requested_by="a", approved_by="b", key="k")


def busted_market() -> MemoryMarket:
    x = memory_market(reference_ticks=2_000)
    x.market.reference_ticks = 4_000
    x.database.markets["x"] = Market(x.market.instrument, Engine(), reference_ticks=1_900)
    orders, fees, flags = [UUID(int=n) for n in (1, 2)], (5, 6), (False, True, None)
    x.database.busts[TRADE] = BustedTrade(
        TRADE, "x", 9, 4_000, 3, "buy", NOW, *orders, *fees, *flags, BUYER, SELLER
    )
    return x


def test_the_reference_price_is_that_of_the_last_trade_that_stands():
    x = busted_market()
    told = x.decide(COMMAND).body
    assert (told["is_busted"], told["is_selective"], "is_self" in told) == (True, True, False)
    assert x.market.reference_ticks == 1_900
    kinds = [(who, kind, body["fee_nano_usd"]) for who, kind, body in x.decider.changes.account_events]
    assert kinds == [(BUYER, "bust", 5), (SELLER, "bust", 6)]


def test_a_price_of_the_same_batch_stays_the_reference():
    x = busted_market()
    x.order(SELLER, "sell", 2_100, 1)
    x.order(BUYER, "buy", 2_100, 1)
    x.decide(COMMAND)
    assert x.market.reference_ticks == 2_100


def test_a_bust_that_nobody_approved_is_not_told():
    x = busted_market()
    del x.database.busts[TRADE]
    before = x.state.state_hash()
    assert x.refused(x.decide(COMMAND), "not_found", before)
    assert (x.market.reference_ticks, x.decider.changes.account_events) == (4_000, [])
