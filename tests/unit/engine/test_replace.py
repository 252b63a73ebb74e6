"""Replace: when priority is kept, when the order enters anew, and why it is refused."""

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Bids at 99: b1 5, b2 5; ask at 101: a 5."""
    engine = Engine()
    engine.new(order("b1", "buy", 5, 99))
    engine.new(order("b2", "buy", 5, 99, post_only=True))
    engine.new(order("a", "sell", 5, 101))
    return engine


@pytest.mark.parametrize("qty", [5, 1])
def test_no_larger_quantity_at_the_same_price_keeps_priority(engine: Engine, qty: int) -> None:
    assert plain(engine.replace("b1", 99, qty)) == [("replaced", "b1", 99, qty, True)]
    assert resting(engine)[0] == [(99, qty + 5, ["b1", "b2"])]


def test_a_larger_quantity_goes_to_the_end_of_its_price(engine: Engine) -> None:
    assert plain(engine.replace("b1", 99, 6)) == [("replaced", "b1", 99, 6, False)]
    assert resting(engine)[0] == [(99, 11, ["b2", "b1"])]


def test_quantity_is_compared_with_what_is_open_not_with_the_original(engine: Engine) -> None:
    engine.new(order("s", "sell", 3, 99))

    assert plain(engine.replace("b1", 99, 3)) == [("replaced", "b1", 99, 3, False)]
    assert resting(engine)[0] == [(99, 8, ["b2", "b1"])]


def test_another_price_and_back_loses_priority(engine: Engine) -> None:
    engine.replace("b1", 98, 5)
    assert resting(engine)[0] == [(99, 5, ["b2"]), (98, 5, ["b1"])]
    engine.replace("b1", 99, 5)
    assert resting(engine)[0] == [(99, 10, ["b2", "b1"])]


def test_a_price_that_reaches_the_other_side_trades_as_the_taker(engine: Engine) -> None:
    assert plain(engine.replace("b1", 101, 7)) == [
        ("replaced", "b1", 101, 7, False),
        ("trade", "a", "b1", 101, 5),
    ]
    assert resting(engine) == ([(101, 2, ["b1"]), (99, 5, ["b2"])], [])


def test_self_trade_prevention_follows_the_order_through_a_replace() -> None:
    engine = Engine()
    engine.new(order("own", "sell", 5, 101, account="me"))
    engine.new(order("b", "buy", 5, 99, account="me", stp="cancel_taker"))

    assert plain(engine.replace("b", 101, 3)) == [
        ("replaced", "b", 101, 3, False),
        ("canceled", "b", 3, "stp"),
    ]
    assert resting(engine) == ([], [(101, 5, ["own"])])


@pytest.mark.parametrize(
    ("id", "price", "qty", "reason"),
    [
        ("no", 0, 0, "invalid_qty"),
        ("no", 0, 1, "invalid_price"),
        ("no", 1, 1, "unknown_order"),
        ("b2", 101, 1, "post_only_would_take"),
        ("b2", 102, 9, "post_only_would_take"),
    ],
)
def test_a_refused_replace_moves_nothing(engine: Engine, id: str, price: int, qty: int, reason: str) -> None:
    before = engine.state_hash()

    assert plain(engine.replace(id, price, qty)) == [("rejected", "replace", reason, id)]
    assert engine.state_hash() == before


@pytest.mark.parametrize("phase", ["cancel_only", "halted"])
def test_a_closed_phase_refuses_before_it_looks_for_the_order(engine: Engine, phase) -> None:
    engine.phase(phase)

    assert plain(engine.replace("no", 1, 1)) == [("rejected", "replace", "phase", "no")]


def test_in_an_auction_replace_does_not_match_and_a_market_order_has_no_price(engine: Engine) -> None:
    engine.phase("auction")
    engine.new(order("m", "buy", 5))

    assert plain(engine.replace("b2", 105, 5)) == [("replaced", "b2", 105, 5, False)]
    assert plain(engine.replace("m", 105, 5)) == [("rejected", "replace", "market_order", "m")]
    assert resting(engine)[1] == [(101, 5, ["a"])]
