"""Continuous matching: price before time, the maker's price, and what becomes of the rest."""

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Asks 4 @ 100 (a2), then 5 @ 101 (a1 before a3)."""
    engine = Engine()
    engine.new(order("a1", "sell", 2, 101))
    engine.new(order("a2", "sell", 4, 100))
    engine.new(order("a3", "sell", 3, 101))
    return engine


def test_the_best_price_trades_first_then_the_oldest_at_the_makers_price(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 7, 105))) == [
        ("accepted", "b"),
        ("trade", "a2", "b", 100, 4),
        ("trade", "a1", "b", 101, 2),
        ("trade", "a3", "b", 101, 1),
    ]
    assert resting(engine) == ([], [(101, 2, ["a3"])])


def test_a_sell_takes_the_highest_bid_first() -> None:
    engine = Engine()
    engine.new(order("b1", "buy", 1, 99))
    engine.new(order("b2", "buy", 1, 100))

    assert plain(engine.new(order("s", "sell", 3, 99))) == [
        ("accepted", "s"),
        ("trade", "b2", "s", 100, 1),
        ("trade", "b1", "s", 99, 1),
    ]
    assert resting(engine) == ([], [(99, 1, ["s"])])


def test_a_limit_is_never_passed_and_the_rest_of_gtc_rests(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 6, 100))) == [("accepted", "b"), ("trade", "a2", "b", 100, 4)]
    assert resting(engine) == ([(100, 2, ["b"])], [(101, 5, ["a1", "a3"])])


def test_a_partial_fill_keeps_the_makers_priority(engine: Engine) -> None:
    engine.new(order("b1", "buy", 5, 101))

    assert plain(engine.new(order("b2", "buy", 2, 101))) == [
        ("accepted", "b2"),
        ("trade", "a1", "b2", 101, 1),
        ("trade", "a3", "b2", 101, 1),
    ]


@pytest.mark.parametrize("price", [100, 0])
def test_what_ioc_leaves_is_canceled(engine: Engine, price: int) -> None:
    left = 12 - (4 if price else 9)

    events = plain(engine.new(order("b", "buy", 12, price, tif="IOC")))

    assert events[-1] == ("canceled", "b", left, "ioc")
    assert resting(engine)[0] == []


def test_a_market_order_on_an_empty_side_is_canceled_whole() -> None:
    assert plain(Engine().new(order("b", "buy", 3, tif="IOC"))) == [
        ("accepted", "b"),
        ("canceled", "b", 3, "ioc"),
    ]


@pytest.mark.parametrize(("qty", "price"), [(9, 101), (4, 100), (9, 0)])
def test_fok_fills_whole(engine: Engine, qty: int, price: int) -> None:
    events = plain(engine.new(order("b", "buy", qty, price, tif="FOK")))

    assert {event[0] for event in events[1:]} == {"trade"}
    assert sum(event[-1] for event in events[1:]) == qty


@pytest.mark.parametrize(("qty", "price"), [(10, 101), (5, 100), (1, 99), (10, 0)])
def test_fok_that_cannot_fill_changes_nothing(engine: Engine, qty: int, price: int) -> None:
    before = engine.state_hash()

    assert plain(engine.new(order("b", "buy", qty, price, tif="FOK"))) == [
        ("accepted", "b"),
        ("canceled", "b", qty, "fok"),
    ]
    assert engine.state_hash() == before


def test_cancel_gives_what_was_left_and_frees_the_level(engine: Engine) -> None:
    engine.new(order("b", "buy", 1, 100))

    assert plain(engine.cancel("a2")) == [("canceled", "a2", 3, "user")]
    assert plain(engine.cancel("a2")) == [("rejected", "cancel", "unknown_order", "a2")]
    assert resting(engine) == ([], [(101, 5, ["a1", "a3"])])


def test_the_open_quantity_of_an_order_in_hand_is_always_current(engine: Engine) -> None:
    taker = order("b", "buy", 10, 100)
    engine.new(taker)
    assert taker.qty == 6
    engine.cancel("b")
    assert taker.qty == 0


def test_an_order_that_is_gone_has_nothing_open(engine: Engine) -> None:
    maker = engine.order("a2")
    assert maker is not None
    ioc = order("ioc", "buy", 9, 100, tif="IOC", account="of a2", stp="cancel_maker")
    fok = order("fok", "buy", 99, 101, tif="FOK")
    left_over = order("m", "buy", 99)
    engine.new(ioc)
    engine.new(fok)
    engine.phase("auction")
    engine.new(left_over)
    engine.uncross(100)

    assert [gone.qty for gone in (maker, ioc, fok, left_over)] == [0, 0, 0, 0]
