"""Options of orders that never rest: a minimum, wanted and unwanted makers, a budget."""

from typing import Any

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Asks of 2 lots at 100, 101 and 102 by the accounts a, b and c."""
    engine = Engine()
    for account, price in (("a", 100), ("b", 101), ("c", 102)):
        engine.new(order(f"of_{account}", "sell", 2, price, account=account))
    return engine


def buy(engine: Engine, qty: int, price: int = 0, tif: str = "IOC", **fields: Any) -> list[tuple[Any, ...]]:
    """Events after the acceptance of an order that never rests."""
    return plain(engine.new(order("x", "buy", qty, price, tif=tif, **fields)))[1:]


def test_a_minimum_that_is_there_lets_the_order_trade_as_usual(engine: Engine) -> None:
    assert buy(engine, 5, 101, min_qty=4) == [
        ("trade", "of_a", "x", 100, 2),
        ("trade", "of_b", "x", 101, 2),
        ("canceled", "x", 1, "ioc"),
    ]


def test_below_its_minimum_nothing_trades(engine: Engine) -> None:
    before = engine.state_hash()

    assert buy(engine, 5, 101, min_qty=5) == [("canceled", "x", 5, "min_qty")]
    assert buy(engine, 5, 99, min_qty=1) == [("canceled", "x", 5, "min_qty")]
    assert engine.state_hash() == before


def test_lots_that_self_trade_prevention_takes_do_not_count_for_the_minimum(engine: Engine) -> None:
    assert buy(engine, 4, 101, min_qty=3, account="a", stp="cancel_maker") == [
        ("canceled", "x", 4, "min_qty")
    ]
    assert buy(engine, 4, 101, min_qty=2, account="a", stp="cancel_maker") == [
        ("canceled", "of_a", 2, "stp"),
        ("trade", "of_b", "x", 101, 2),
        ("canceled", "x", 2, "ioc"),
    ]


def test_ignored_makers_are_passed_over_and_the_trades_marked(engine: Engine) -> None:
    assert buy(engine, 3, ignore=("a",)) == [
        ("trade", "of_b", "x", 101, 2, True),
        ("trade", "of_c", "x", 102, 1, True),
    ]
    assert resting(engine)[1] == [(100, 2, ["of_a"]), (102, 1, ["of_c"])]


def test_only_wanted_makers_trade(engine: Engine) -> None:
    assert buy(engine, 5, only=("c", "a"), ignore=("a",)) == [
        ("trade", "of_c", "x", 102, 2, True),
        ("canceled", "x", 3, "ioc"),
    ]


def test_a_fill_that_needs_unwanted_makers_is_killed(engine: Engine) -> None:
    assert buy(engine, 5, tif="FOK", ignore=("a",)) == [("canceled", "x", 5, "fok")]


def test_an_own_order_that_is_passed_over_is_left_alone(engine: Engine) -> None:
    assert buy(engine, 2, account="a", ignore=("a",), stp="cancel_both") == [
        ("trade", "of_b", "x", 101, 2, True)
    ]


def test_a_budget_buys_while_it_pays_for_a_lot(engine: Engine) -> None:
    assert buy(engine, 9, budget=301 + 100) == [
        ("trade", "of_a", "x", 100, 2),
        ("trade", "of_b", "x", 101, 1),
        ("canceled", "x", 6, "budget"),
    ]


def test_a_budget_may_be_spent_to_the_last(engine: Engine) -> None:
    assert buy(engine, 2, budget=200) == [("trade", "of_a", "x", 100, 2)]
    assert buy(engine, 9, 101, budget=202) == [("trade", "of_b", "x", 101, 2), ("canceled", "x", 7, "ioc")]


def test_a_budget_below_one_lot_buys_nothing(engine: Engine) -> None:
    assert buy(engine, 9, budget=99) == [("canceled", "x", 9, "budget")]


def test_a_budget_that_the_whole_quantity_exceeds_kills_a_fill(engine: Engine) -> None:
    assert buy(engine, 4, tif="FOK", budget=401) == [("canceled", "x", 4, "fok")]
    assert len(buy(engine, 4, tif="FOK", budget=402)) == 2


def test_an_own_order_that_the_budget_does_not_reach_is_left_alone(engine: Engine) -> None:
    assert buy(engine, 9, budget=201, account="b", stp="cancel_maker") == [
        ("trade", "of_a", "x", 100, 2),
        ("canceled", "x", 7, "budget"),
    ]
    assert resting(engine)[1][0] == (101, 2, ["of_b"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"min_qty": 2, "tif": "GTC"}, "invalid_min_qty"),
        ({"min_qty": 6}, "invalid_min_qty"),
        ({"min_qty": -1}, "invalid_min_qty"),
        ({"only": ("a",), "tif": "GTC"}, "invalid_eligibility"),
        ({"ignore": ("a",), "tif": "GTC"}, "invalid_eligibility"),
        ({"budget": 100, "tif": "GTC"}, "invalid_budget"),
        ({"budget": 100, "side": "sell"}, "invalid_budget"),
        ({"budget": -1}, "invalid_budget"),
    ],
)
def test_an_option_that_does_not_suit_the_order_is_refused(
    engine: Engine, fields: dict[str, Any], reason: str
) -> None:
    before = engine.state_hash()
    given: dict[str, Any] = {"side": "buy", "qty": 5, "price": 100, "tif": "IOC"} | fields

    assert plain(engine.new(order("x", **given))) == [("rejected", "new", reason, "x")]
    assert engine.state_hash() == before
