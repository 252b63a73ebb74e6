"""What an order would do if it came now: how far it reaches, and on an excerpt of the book."""

from typing import Any

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.new(order("a1", "sell", 2, 100))
    engine.new(order("a2", "sell", 9, 101, display=2, account="me"))
    engine.new(order("a3", "sell", 2, 102))
    engine.new(order("b1", "buy", 2, 98))
    return engine


@pytest.mark.parametrize(
    ("fields", "worst"),
    [
        ({"qty": 2, "price": 105}, 100),
        ({"qty": 3, "price": 105}, 101),
        ({"qty": 99, "price": 101}, 101),
        ({"qty": 99}, 102),
        ({"qty": 1, "price": 99}, None),
        ({"qty": 99, "tif": "FOK"}, None),
        ({"qty": 99, "min_qty": 14}, None),
        ({"qty": 99, "min_qty": 13}, 102),
        ({"qty": 99, "budget": 301}, 101),
        ({"qty": 99, "only": ("me",)}, 101),
        ({"qty": 99, "account": "me", "stp": "cancel_taker"}, 100),
        ({"qty": 99, "account": "me", "stp": "cancel_maker"}, 102),
        ({"qty": 1, "price": 97, "side": "sell"}, 98),
    ],
)
def test_the_worst_price_that_an_order_would_trade_at(
    engine: Engine, fields: dict[str, Any], worst: int | None
) -> None:
    before = engine.state_hash()
    given = {"side": "buy", "tif": "IOC"} | fields

    reach = engine.reach(order("x", **given))
    assert (reach and reach[1]) == worst
    assert engine.state_hash() == before


def test_an_order_reaches_from_its_first_price_to_its_worst(engine: Engine) -> None:
    assert engine.reach(order("x", side="buy", tif="IOC", qty=99, price=102)) == (100, 102)


def test_what_is_sold_on_is_no_price_of_the_ordinary_book(engine: Engine) -> None:
    engine.new(order("old", "sell", 5, 90, end=900))
    taker: dict[str, Any] = {"side": "buy", "tif": "IOC", "price": 102, "min_end": 900}
    assert engine.reach(order("x", qty=5, **taker)) is None
    assert engine.reach(order("x", qty=7, **taker)) == (100, 100)


def test_an_excerpt_has_what_the_order_would_meet_and_does_the_same(engine: Engine) -> None:
    taker: dict[str, Any] = {"side": "buy", "qty": 5, "price": 102}
    before = engine.state_hash()

    excerpt = engine.excerpt(order("x", **taker))

    assert [found.id for found in excerpt.snapshot()] == ["a1", "a2"]
    foreseen = plain(excerpt.new(order("x", **taker)))
    assert engine.state_hash() == before
    assert foreseen == plain(engine.new(order("x", **taker)))


def test_an_excerpt_tells_that_a_budget_is_too_small(engine: Engine) -> None:
    taker: dict[str, Any] = {"side": "buy", "qty": 9, "tif": "IOC", "budget": 300}

    assert plain(engine.excerpt(order("x", **taker)).new(order("x", **taker)))[1:] == [
        ("trade", "a1", "x", 100, 2),
        ("canceled", "x", 7, "budget"),
    ]


def test_an_excerpt_refuses_what_the_engine_refuses(engine: Engine) -> None:
    taker: dict[str, Any] = {"side": "buy", "qty": 1, "price": 100, "post_only": True}

    assert plain(engine.excerpt(order("x", **taker)).new(order("x", **taker))) == [
        ("rejected", "new", "post_only_would_take", "x")
    ]


@pytest.mark.parametrize("phase", ["auction", "halted"])
def test_where_nothing_matches_nothing_is_met(engine: Engine, phase: Any) -> None:
    engine.phase(phase)
    taker: dict[str, Any] = {"side": "buy", "qty": 5, "price": 102}

    assert engine.reach(order("x", **taker)) is None
    assert engine.excerpt(order("x", **taker)).snapshot() == []
    assert engine.excerpt(order("x", **taker)).current_phase == phase
