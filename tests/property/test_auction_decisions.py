"""Auctions through the sequencer's decisions: the oracle's price and trades, and exact money."""

from typing import Any
from uuid import UUID

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.replay import decode_effects, replay
from tests.oracles.naive_book import NaiveBook
from tests.property.sequencer_commands import Step, desk, lots, orders, take
from tests.property.test_sequencer_decisions import check_memory, check_postings
from tests.sequencer_memory import Desk

AUCTION = UUID(int=77)
prices = st.integers(20, 40)
new = orders(tif=st.sampled_from(["GTC", "GFA"]), price_ticks=prices, quantity_lots=lots)
changes = st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(0, 50), prices, lots)
steps: st.SearchStrategy[Step] = st.one_of(new, new, changes)
some = st.lists(steps, max_size=25)


@settings(max_examples=150, deadline=None)
@given(before=some, during=some, at_the_end=some, after=st.lists(steps, max_size=5))
def test_an_auction_is_the_oracles_and_money_is_exact(before, during, at_the_end, after):
    at = desk()
    at.decide(p.SetPhase("x", "pre_open"))
    run(at, before)
    start = p.StartAuction(
        instrument="x",
        auction_id=AUCTION,
        kind="scheduled",
        input_s=20,
        no_cancel_s=10,
        random_close_s=5,
        then_phase="continuous",
    )
    assert at.decide(start).status == 200
    run(at, during)
    at.at(20)
    run(at, at_the_end)
    at.at(30)
    expected = oracle_of(at)
    limits = {id: (order.side, order.limit_ticks) for id, order in at.state.orders.items()}
    at.at(35)
    check(at, expected, limits)
    run(at, after)
    check_postings(at)
    engines = {"x": Engine()}
    replay([decode_effects(msgspec.msgpack.encode(at.changes.effects))], engines)
    assert engines["x"].state_hash() == at.state.markets["x"].engine.state_hash()


def run(at: Desk, steps: list[Step]) -> None:
    for step in steps:
        take(at, step)
        check_memory(at)


def oracle_of(at: Desk) -> list[dict[str, Any]]:
    """Return what the naive book makes of the orders that rest now."""
    oracle = NaiveBook()
    oracle.apply({"op": "phase", "phase": "auction"})
    market = at.state.markets["x"]
    for order in market.engine.snapshot():
        fields = msgspec.structs.asdict(order) | {"op": "new", "tif": "GTC"}
        assert oracle.apply(fields)[0]["ev"] == "accepted"
    assert market.auction is not None
    return oracle.apply({"op": "uncross", "reference_price": market.auction.reference_ticks})


def check(at: Desk, expected: list[dict[str, Any]], limits: dict[str, tuple[str, int]]) -> None:
    """The oracle's outcome and trades; one price; nobody beyond a limit; no auction-only order is left."""
    done = at.changes.auctions[AUCTION]
    outcome, *traded = expected
    assert (done.price_ticks, done.volume_lots, done.surplus_lots) == (
        outcome["price"],
        outcome["volume"],
        outcome["surplus"],
    )
    event(f"volume is {'some' if done.volume_lots else 'none'}")
    trades = at.changes.trades
    sides = [
        (trade.buy_order_id.hex, trade.sell_order_id.hex)
        if trade.taker_is_buyer
        else (trade.sell_order_id.hex, trade.buy_order_id.hex)
        for trade in trades
    ]
    assert [(maker, taker, t.quantity_lots) for (taker, maker), t in zip(sides, trades, strict=True)] == [
        (t["maker"], t["taker"], t["qty"]) for t in traded
    ]
    assert {trade.price_ticks for trade in trades} <= {done.price_ticks}
    for trade in trades:
        assert limits[trade.buy_order_id.hex][1] >= trade.price_ticks >= limits[trade.sell_order_id.hex][1]
        assert trade.is_self == (trade.buyer_id == trade.seller_id)
        assert trade.auction_id == AUCTION
    assert all(order.tif != "GFA" for order in at.state.orders.values())
    check_memory(at)
    check_postings(at)
