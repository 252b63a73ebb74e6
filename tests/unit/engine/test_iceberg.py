"""Icebergs: they show a slice, trade slice by slice, and come behind all others with each new one."""

from typing import Any

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Asks at 100: an iceberg of 10 lots showing 3, then a plain one of 2."""
    engine = Engine()
    engine.new(order("ice", "sell", 10, 100, display=3))
    engine.new(order("plain", "sell", 2, 100))
    return engine


def slices(engine: Engine) -> dict[str, tuple[int, int]]:
    return {found.id: (found.slice, found.qty) for found in engine.snapshot()}


def test_only_the_slice_is_shown(engine: Engine) -> None:
    assert engine.depth(1)[1] == [(100, 5, 2)]
    assert engine.level_lots("sell", 100) == 5
    assert resting(engine)[1] == [(100, 12, ["ice", "plain"])]


def test_a_slice_that_is_done_sends_the_order_behind_the_others(engine: Engine) -> None:
    before = engine.order("ice").priority

    assert plain(engine.new(order("b", "buy", 3, 100))) == [("accepted", "b"), ("trade", "ice", "b", 100, 3)]

    assert resting(engine)[1] == [(100, 9, ["plain", "ice"])]
    assert engine.order("ice").priority > before
    assert [found.id for found in engine.snapshot()] == ["plain", "ice"]
    assert engine.level_lots("sell", 100) == 5


def test_a_slice_that_is_not_done_keeps_its_place(engine: Engine) -> None:
    engine.new(order("b", "buy", 2, 100))

    assert slices(engine) == {"ice": (1, 8), "plain": (0, 2)}
    assert resting(engine)[1] == [(100, 10, ["ice", "plain"])]
    assert engine.level_lots("sell", 100) == 3


def test_one_taker_goes_round_by_round_through_all_slices(engine: Engine) -> None:
    engine.new(order("other", "sell", 5, 100, display=4))

    assert plain(engine.new(order("b", "buy", 17, 100)))[1:] == [
        ("trade", "ice", "b", 100, 3),
        ("trade", "plain", "b", 100, 2),
        ("trade", "other", "b", 100, 4),
        ("trade", "ice", "b", 100, 3),
        ("trade", "other", "b", 100, 1),
        ("trade", "ice", "b", 100, 3),
        ("trade", "ice", "b", 100, 1),
    ]
    assert resting(engine) == ([], [])


def test_hidden_lots_count_for_fill_or_kill(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 13, 100, tif="FOK")))[1:] == [("canceled", "b", 13, "fok")]
    assert plain(engine.new(order("c", "buy", 12, 100, tif="FOK")))[-1] == ("trade", "ice", "c", 100, 1)


def test_an_own_order_is_met_before_hidden_lots() -> None:
    engine = Engine()
    engine.new(order("ice", "sell", 10, 100, display=3))
    engine.new(order("own", "sell", 1, 100, account="me"))
    taker: dict[str, Any] = {"side": "buy", "qty": 4, "price": 100, "account": "me", "stp": "cancel_taker"}

    assert plain(engine.new(order("f", tif="FOK", **taker)))[1:] == [("canceled", "f", 4, "fok")]
    assert plain(engine.new(order("b", **taker)))[1:] == [
        ("trade", "ice", "b", 100, 3),
        ("canceled", "b", 1, "stp"),
    ]


def test_less_quantity_keeps_place_and_takes_hidden_lots_first(engine: Engine) -> None:
    assert plain(engine.replace("ice", 100, 4)) == [("replaced", "ice", 100, 4, True)]
    assert slices(engine)["ice"] == (3, 4)
    engine.replace("ice", 100, 2)

    assert slices(engine)["ice"] == (2, 2)
    assert engine.depth(1)[1] == [(100, 4, 2)]
    assert resting(engine)[1] == [(100, 4, ["ice", "plain"])]


def test_another_price_starts_with_a_fresh_slice(engine: Engine) -> None:
    engine.new(order("b", "buy", 2, 100))
    engine.replace("ice", 101, 8)

    assert slices(engine)["ice"] == (3, 8)
    assert engine.depth(2)[1] == [(100, 2, 1), (101, 3, 1)]


def test_it_takes_with_all_its_lots_and_rests_with_a_slice(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 20, 100, display=5)))[-1] == ("trade", "ice", "b", 100, 1)
    assert engine.depth(1) == ([(100, 5, 1)], [])
    assert slices(engine) == {"b": (5, 8)}


def test_decrement_leaves_the_maker_its_place(engine: Engine) -> None:
    engine.new(order("b", "buy", 8, 100, account="of ice", stp="decrement"))

    assert slices(engine)["ice"] == (2, 2)
    assert resting(engine)[1] == [(100, 4, ["ice", "plain"])]
    assert engine.level_lots("sell", 100) == 4


def test_an_auction_uses_all_lots(engine: Engine) -> None:
    engine.phase("auction")
    engine.new(order("b", "buy", 9, 100))

    assert plain(engine.uncross(100)) == [("indicative", 100, 9, -3), ("trade", "ice", "b", 100, 9)]
    assert slices(engine) == {"ice": (1, 1), "plain": (0, 2)}
    assert engine.level_lots("sell", 100) == 3


@pytest.mark.parametrize(
    "fields",
    [{"display": -1}, {"display": 1, "tif": "IOC"}, {"display": 1, "qty": 1001}, {"slice": 1}],
    ids=["negative", "never rests", "too many slices", "slice given"],
)
def test_what_cannot_be_an_iceberg_is_refused(engine: Engine, fields: dict[str, Any]) -> None:
    before = engine.state_hash()

    refused = engine.new(order("x", "sell", price=100, **({"qty": 5} | fields)))

    assert plain(refused) == [("rejected", "new", "invalid_display", "x")]
    assert engine.state_hash() == before


def test_a_replace_cannot_make_too_many_slices(engine: Engine) -> None:
    assert plain(engine.replace("ice", 100, 301)) == [("rejected", "replace", "invalid_display", "ice")]
    assert plain(engine.replace("ice", 100, 300)) == [("replaced", "ice", 100, 300, False)]
