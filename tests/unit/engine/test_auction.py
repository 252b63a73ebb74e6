"""The call auction: each step that finds the price, and the execution at it."""

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


def auction(*lines: tuple[str, int, int]) -> Engine:
    """An engine in an auction with orders (side, quantity, price or 0), named o1, o2, …"""
    engine = Engine()
    engine.phase("auction")
    for place, (side, qty, price) in enumerate(lines, 1):
        engine.new(order(f"o{place}", side, qty, price))
    return engine


@pytest.mark.parametrize(
    ("lines", "reference", "outcome"),
    [
        # nothing to trade
        ([], 100, (None, 0, 0)),
        ([("buy", 5, 99), ("sell", 5, 100)], 100, (None, 0, 0)),
        ([("buy", 5, 0)], 100, (None, 0, 0)),
        # largest volume
        ([("buy", 5, 102), ("buy", 5, 101), ("sell", 10, 100)], 102, (101, 10, 0)),
        # smallest surplus
        ([("buy", 6, 102), ("buy", 3, 101), ("sell", 6, 101)], 100, (102, 6, 0)),
        # surplus on the buy side everywhere: the highest; on the sell side: the lowest
        ([("buy", 9, 103), ("sell", 4, 100)], 100, (103, 4, 5)),
        ([("buy", 4, 103), ("sell", 9, 100)], 103, (100, 4, -5)),
        # else the nearest to the reference price, at equal distance the higher
        ([("buy", 5, 104), ("sell", 5, 100)], 101, (100, 5, 0)),
        ([("buy", 5, 104), ("sell", 5, 100)], 103, (104, 5, 0)),
        ([("buy", 5, 104), ("sell", 5, 100)], 102, (104, 5, 0)),
        ([("buy", 5, 104), ("sell", 5, 100)], 1, (100, 5, 0)),
        # market orders only: the reference price; with limits they count at every price
        ([("buy", 5, 0), ("sell", 3, 0)], 77, (77, 3, 2)),
        ([("buy", 5, 0), ("sell", 2, 101), ("sell", 2, 102)], 100, (102, 4, 1)),
    ],
)
def test_the_price(lines, reference: int, outcome) -> None:
    engine = auction(*lines)
    before = engine.state_hash()

    assert plain(engine.indicative(reference)) == [("indicative", *outcome)]
    assert engine.state_hash() == before
    assert plain(engine.uncross(reference))[0] == ("indicative", *outcome)


def test_all_trade_at_one_price_market_first_and_the_older_is_the_maker() -> None:
    engine = auction(
        ("buy", 3, 105), ("sell", 4, 100), ("buy", 2, 105), ("sell", 2, 0), ("buy", 1, 106), ("buy", 2, 0)
    )

    assert plain(engine.uncross(101)) == [
        ("indicative", 105, 6, 2),
        ("trade", "o4", "o6", 105, 2),
        ("trade", "o2", "o5", 105, 1),
        ("trade", "o1", "o2", 105, 3),
    ]
    assert resting(engine) == ([(105, 2, ["o3"])], [])
    assert engine.current_phase == "auction"


def test_market_orders_left_over_are_canceled_oldest_first_even_if_nothing_traded() -> None:
    engine = auction(("buy", 3, 0), ("buy", 2, 0), ("buy", 1, 90))

    assert plain(engine.uncross(100)) == [
        ("indicative", None, 0, 0),
        ("canceled", "o1", 3, "market"),
        ("canceled", "o2", 2, "market"),
    ]
    assert resting(engine) == ([(90, 1, ["o3"])], [])


def test_self_trade_prevention_does_not_apply_but_the_trade_is_marked() -> None:
    engine = Engine()
    engine.phase("auction")
    engine.new(order("b", "buy", 2, 100, account="me", stp="cancel_both"))
    engine.new(order("s", "sell", 2, 100, account="me", stp="cancel_both"))

    assert plain(engine.uncross(100))[1:] == [("trade", "b", "s", 100, 2, True)]


def test_a_replace_that_loses_priority_makes_the_order_the_taker() -> None:
    engine = auction(("buy", 2, 100), ("sell", 2, 100))
    engine.replace("o1", 101, 2)

    assert plain(engine.uncross(100))[1:] == [("trade", "o2", "o1", 100, 2)]


def test_what_is_good_for_auction_trades_and_leaves_with_it() -> None:
    engine = auction(("sell", 3, 100))
    for id, qty in (("g1", 2), ("g2", 2)):
        engine.new(order(id, "buy", qty, 100, tif="GFA"))

    assert plain(engine.uncross(100)) == [
        ("indicative", 100, 3, 1),
        ("trade", "o1", "g1", 100, 2),
        ("trade", "o1", "g2", 100, 1),
        ("canceled", "g2", 1, "auction"),
    ]
    assert resting(engine) == ([], [])
