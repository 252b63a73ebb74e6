"""Auctions through the sequencer's decisions: the oracle's price and trades, and exact money."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from exchange.engine import Engine, auction
from exchange.engine.book import Book, BookSide
from exchange.engine.orders import Order
from exchange.sequencer import protocol as p
from exchange.sequencer.limits import Rates
from exchange.sequencer.replay import decode_effects, replay
from exchange.sequencer.state import OrderState
from tests.oracles.naive_book import NaiveBook
from tests.property.sequencer_commands import Step, desk, lots, orders, take
from tests.property.test_sequencer_decisions import SEARCH, check_memory, check_postings
from tests.sequencer_memory import Desk

AUCTION = UUID(int=77)
prices = st.integers(20, 40)
new = orders(tif=st.sampled_from(["GTC", "GFA"]), price_ticks=prices, quantity_lots=lots)
changes = st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(0, 50), prices, lots)
steps: st.SearchStrategy[Step] = st.one_of(new, new, changes)
some = st.lists(steps, max_size=25)


course = st.tuples(some, some, some, st.lists(steps, max_size=5))
"""Steps before the auction, in its input, when orders can only improve, and after it."""


@settings(max_examples=150, deadline=None)
@given(course)
def test_an_auction_is_the_oracles_and_money_is_exact(course):
    check_auction(course)


def check_auction(course: tuple[list[Step], ...]) -> None:
    before, during, at_the_end, after = course
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
        fee = round(Fraction(trade.price_ticks * trade.quantity_lots * 7 * 333, 1_000_000))
        assert (trade.buyer_fee_nano_usd, trade.seller_fee_nano_usd) == (fee, fee)
    assert all(order.tif != "GFA" for order in at.state.orders.values())
    check_memory(at)
    check_postings(at)


def the_lowest(candidates: list[tuple[int, int]], reference_price: int) -> tuple[int, int]:
    return candidates[0]


def oldest_first(side: BookSide) -> Iterator[Order]:
    """Orders by their age alone: the better price has to wait."""
    return iter(sorted(IN_PRIORITY(side), key=lambda order: order.priority))


def nobody(book: Book) -> list[Order]:
    return []


def as_taker(order: OrderState) -> Rates:
    return Rates(RATES(order).taker_ppm, RATES(order).taker_ppm + 1)


IN_PRIORITY = BookSide.in_priority
RATES: Callable[[OrderState], Rates] = OrderState.rates.fget  # type: ignore[attr-defined]

MUTATIONS: list[tuple[Any, str, Any]] = [
    (auction, "_settle_tie", the_lowest),
    (BookSide, "in_priority", oldest_first),
    (Book, "auction_only", nobody),
    (OrderState, "rates", property(as_taker)),
]


@pytest.mark.parametrize(("where", "name", "mutant"), MUTATIONS)
def test_the_property_sees_a_wrong_auction(monkeypatch, where, name, mutant):
    monkeypatch.setattr(where, name, mutant)
    with pytest.raises(AssertionError):
        SEARCH(given(course)(check_auction))()
