"""Orders for an amount of money: never more than that, and nothing left that would have bought a lot."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import fee_nano_usd
from exchange.sequencer import budgets
from tests.property.sequencer_commands import TRADERS
from tests.property.test_sequencer_decisions import SEARCH
from tests.sequencer_memory import Desk
from tests.unit.sequencer.test_risk import instrument

DEAR = instrument(tick_nano_usd=3, taker_fee_ppm=200_000, band_low_ticks=1, band_high_ticks=60)
BUYER, SELLER = TRADERS[:2]
FUNDS = 1_000_000
asks = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), max_size=8)
amounts = st.integers(1, 400)


def check_budget(offers: list[tuple[int, int]], budget: int) -> None:
    desk = Desk(DEAR, BUYER, SELLER, funds=FUNDS, tier=1_000_000)
    for price, lots in offers:
        desk.order(SELLER, "sell", price, lots)
    bought = desk.order(BUYER, "buy", None, None, type="market", tif="IOC", budget_nano_usd=budget)
    paid = FUNDS - desk.state.wallets[BUYER].posted
    assert paid <= budget
    assert desk.state.wallets[BUYER].held == 0
    left = desk.state.markets["x"].engine.depth(1)[1]
    if bought.status == 201 and left:
        price = left[0][0] * DEAR.tick_nano_usd
        fills = len(desk.changes.trades) + 1
        assert paid + price + fee_nano_usd(price, DEAR.taker_fee_ppm) + fills > budget


@settings(max_examples=200, deadline=None)
@given(asks, amounts)
def test_a_budget_is_spent_as_far_as_it_goes_and_no_further(offers, budget):
    check_budget(offers, budget)


def without_the_fee(market: Any, order: Any, budget_nano_usd: int) -> None:
    order.budget_ticks_lots = budget_nano_usd // market.instrument.tick_nano_usd


@pytest.mark.parametrize(("name", "mutant"), [("set_budget", without_the_fee), ("_paid", lambda *_: 0)])
def test_the_property_sees_a_wrong_rule(monkeypatch, name, mutant):
    monkeypatch.setattr(budgets, name, mutant)
    with pytest.raises(AssertionError):
        SEARCH(given(asks, amounts)(check_budget))()
