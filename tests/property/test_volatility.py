"""No order trades far from the reference price, or outside the band around it, before an auction."""

from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from exchange.sequencer.commands import volatility
from tests.property.sequencer_commands import FUNDS, MARKET, ODD, TRADERS, Step, lots, orders, take
from tests.property.test_sequencer_decisions import SEARCH, check_memory, check_postings
from tests.sequencer_memory import Desk

NERVOUS = msgspec.structs.replace(
    ODD, reference_ticks=30, band_ppm=400_000, volatility_ppm=150_000, volatility_auction_s=12
)
near = st.integers(16, 44)
PLAIN = orders(
    tif=st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK"]),
    price_ticks=near,
    quantity_lots=lots,
    post_only=st.sampled_from([False, False, True]),
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    PLAIN,
    PLAIN,
    PLAIN,
    MARKET,
    st.tuples(st.sampled_from(["cancel", "replace", "replace"]), st.integers(0, 50), near, lots),
    st.tuples(st.just("wait"), st.integers(1, 20)),
)
RUNS = st.integers(0, 40).flatmap(lambda n: st.lists(STEPS, min_size=n, max_size=n + 10))


def check_run(steps: list[Step]) -> None:
    at = Desk(NERVOUS, *TRADERS, funds=FUNDS, tier=100_000)
    market = at.state.markets["x"]
    for step in steps:
        reference, before, known = market.reference_ticks, len(at.changes.trades), set(at.state.orders)
        low, high = market.band
        take(at, step)
        for trade in at.changes.trades[before:]:
            assert trade.auction_id or abs(trade.price_ticks - reference) * 100 <= reference * 15
        assert all(low <= at.state.orders[id].limit_ticks <= high for id in set(at.state.orders) - known)
        is_called = market.engine.current_phase in ("auction", "no_cancel")
        assert is_called == (market.auction is not None)
        check_memory(at)
    check_postings(at)
    kinds = {auction.kind for auction in at.changes.auctions.values()}
    event(f"interruptions: {min(len(at.changes.auctions), 3)}")
    assert kinds <= {"volatility"}


@settings(max_examples=100, deadline=None)
@given(RUNS)
def test_no_trade_is_far_from_the_reference_but_in_an_auction(steps):
    check_run(steps)


def never(*_: Any, **__: Any) -> bool:
    return False


def test_the_property_sees_a_market_without_interruptions(monkeypatch):
    monkeypatch.setattr(volatility, "interrupt", never)
    with pytest.raises(AssertionError):
        SEARCH(given(RUNS)(check_run))()
