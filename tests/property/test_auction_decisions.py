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
from tests.property.test_sequencer_decisions import (
    FUNDS,
    ODD,
    TRADERS,
    Step,
    check_memory,
    check_postings,
    command_of,
    lots,
    trader,
)
from tests.sequencer_memory import Desk

AUCTION = UUID(int=77)
prices = st.integers(20, 40)
orders = st.builds(
    p.NewOrder,
    organisation_id=trader,
    instrument=st.just("x"),
    side=st.sampled_from(["buy", "sell"]),
    tif=st.sampled_from(["GTC", "GFA"]),
    price_ticks=prices,
    quantity_lots=lots,
)
changes = st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(0, 50), prices, lots)
steps: st.SearchStrategy[Step] = st.one_of(orders, orders, changes)
some = st.lists(steps, max_size=25)


@settings(max_examples=150, deadline=None)
@given(before=some, during=some, at_the_end=some, after=st.lists(steps, max_size=5))
def test_an_auction_is_the_oracles_and_money_is_exact(before, during, at_the_end, after):
    desk = Desk(ODD, *TRADERS, funds=FUNDS, rate=1, tier=100_000)
    desk.decide(p.SetPhase("x", "pre_open"))
    run(desk, before)
    start = p.StartAuction(
        instrument="x",
        auction_id=AUCTION,
        kind="scheduled",
        input_s=20,
        no_cancel_s=10,
        random_close_s=5,
        then_phase="continuous",
    )
    assert desk.decide(start).status == 200
    run(desk, during)
    desk.at(20)
    run(desk, at_the_end)
    desk.at(30)
    expected = oracle_of(desk)
    limits = {id: (order.side, order.limit_ticks) for id, order in desk.state.orders.items()}
    desk.at(35)
    check(desk, expected, limits)
    run(desk, after)
    check_postings(desk.state, desk.changes)
    engines = {"x": Engine()}
    replay([decode_effects(msgspec.msgpack.encode(desk.changes.effects))], engines)
    assert engines["x"].state_hash() == desk.state.markets["x"].engine.state_hash()


def run(desk: Desk, steps: list[Step]) -> None:
    for step in steps:
        command = command_of(step, desk.state)
        if command is not None:
            desk.decide(command)
        check_memory(desk.state)


def oracle_of(desk: Desk) -> list[dict[str, Any]]:
    """Return what the naive book makes of the orders that rest now."""
    oracle = NaiveBook()
    oracle.apply({"op": "phase", "phase": "auction"})
    market = desk.state.markets["x"]
    for order in market.engine.snapshot():
        fields = msgspec.structs.asdict(order) | {"op": "new", "tif": "GTC"}
        assert oracle.apply(fields)[0]["ev"] == "accepted"
    assert market.auction is not None
    return oracle.apply({"op": "uncross", "reference_price": market.auction.reference_ticks})


def check(desk: Desk, expected: list[dict[str, Any]], limits: dict[str, tuple[str, int]]) -> None:
    """The oracle's outcome and trades; one price; nobody beyond a limit; no auction-only order is left."""
    done = desk.changes.auctions[AUCTION]
    outcome, *traded = expected
    assert (done.price_ticks, done.volume_lots, done.surplus_lots) == (
        outcome["price"],
        outcome["volume"],
        outcome["surplus"],
    )
    event(f"volume is {'some' if done.volume_lots else 'none'}")
    trades = desk.changes.trades
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
    assert all(order.tif != "GFA" for order in desk.state.orders.values())
    check_memory(desk.state)
    check_postings(desk.state, desk.changes)
