"""Windows offered for resale: apart from the book, and sold to those alone who ask for a window."""

from typing import Any

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Windows to 500 and 900 at 100, between them an ordinary ask, and one to 900 at 99."""
    engine = Engine()
    engine.new(order("short", "sell", 2, 100, end=500))
    engine.new(order("ask", "sell", 2, 100))
    engine.new(order("long", "sell", 2, 100, end=900))
    engine.new(order("cheap", "sell", 1, 99, end=900))
    return engine


def test_it_is_not_in_the_ordinary_book(engine: Engine) -> None:
    assert engine.depth(9) == ([], [(100, 2, 1)])
    assert engine.level_lots("sell", 99) == 0
    (shown,) = engine.book()
    assert shown.resales == [(99, 1, ["cheap"]), (100, 4, ["short", "long"])]


def test_ordinary_buys_do_not_meet_it(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 9, 100)))[1:] == [("trade", "ask", "b", 100, 2)]
    assert plain(engine.new(order("m", "buy", 9, tif="IOC")))[1:] == [("canceled", "m", 9, "ioc")]
    assert plain(engine.new(order("p", "buy", 1, 100, post_only=True))) == [("accepted", "p")]
    assert resting(engine) == ([(100, 8, ["b", "p"])], [])


def test_who_asks_for_a_window_meets_both_by_price_and_time(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 9, 100, tif="IOC", min_end=500)))[1:] == [
        ("trade", "cheap", "b", 99, 1, True),
        ("trade", "short", "b", 100, 2, True),
        ("trade", "ask", "b", 100, 2),
        ("trade", "long", "b", 100, 2, True),
        ("canceled", "b", 2, "ioc"),
    ]


def test_a_window_that_ends_too_early_is_passed_over(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 3, 100, tif="IOC", min_end=501)))[1:] == [
        ("trade", "cheap", "b", 99, 1, True),
        ("trade", "ask", "b", 100, 2),
    ]


def test_it_never_takes_and_does_not_cross(engine: Engine) -> None:
    engine.cancel("ask")
    engine.new(order("b", "buy", 5, 100))

    assert plain(engine.new(order("low", "sell", 5, 90, end=900))) == [("accepted", "low")]
    assert plain(engine.replace("low", 80, 5)) == [("replaced", "low", 80, 5, False)]
    assert plain(engine.phase("auction")) == [("phase", "auction")]
    assert plain(engine.uncross(100)) == [("indicative", None, 0, 0)]
    assert plain(engine.phase("continuous")) == [("phase", "continuous")]
    assert engine.reach(order("x", "sell", 1, 90, end=900)) is None


def test_a_restored_engine_sells_it_on(engine: Engine) -> None:
    twin = Engine.restore_bytes(engine.snapshot_bytes())

    assert twin.state_hash() == engine.state_hash()
    assert twin.book() == engine.book()
    engine.cancel("short")
    engine.new(order("short", "sell", 2, 100, end=501))
    assert twin.state_hash() != engine.state_hash()


@pytest.mark.parametrize(
    "fields",
    [
        {"end": 9, "side": "buy"},
        {"end": 9, "tif": "IOC"},
        {"end": 9, "post_only": True},
        {"end": -1},
        {"min_end": -1},
        {"min_end": 9},
        {"min_end": 9, "tif": "IOC"},
    ],
)
def test_a_window_that_does_not_suit_the_order_is_refused(engine: Engine, fields: dict[str, Any]) -> None:
    given: dict[str, Any] = {"side": "sell", "qty": 5, "price": 100} | fields

    assert plain(engine.new(order("x", **given))) == [("rejected", "new", "invalid_window", "x")]


def test_it_shows_nothing_and_so_cannot_show_slices(engine: Engine) -> None:
    refused = engine.new(order("x", "sell", 5, 100, end=900, display=1))

    assert plain(refused) == [("rejected", "new", "invalid_display", "x")]
