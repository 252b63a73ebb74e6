"""Reading, snapshot, restore and the state hash."""

from typing import Any

import pytest

from exchange.engine import Engine, Order
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.new(order("b1", "buy", 5, 99, account="me"))
    engine.new(order("a1", "sell", 4, 101))
    engine.new(order("b2", "buy", 3, 98, account="me"))
    engine.new(order("b3", "buy", 2, 99))
    engine.new(order("b4", "buy", 1, 97))
    engine.replace("b1", 99, 6)
    return engine


def test_orders_are_found_by_id_and_by_account_oldest_first(engine: Engine) -> None:
    assert [found.id for found in engine.orders_of("me")] == ["b2", "b1"]
    assert {found.id: found.qty for found in engine.snapshot()}["b1"] == 6
    assert engine.order("b1") in list(engine.orders_of("me"))
    assert engine.order("gone") is None


def test_depth_sums_levels_and_stops_where_told(engine: Engine) -> None:
    assert engine.depth(2) == ([(99, 8, 2), (98, 3, 1)], [(101, 4, 1)])
    assert engine.depth(10)[0] == [(99, 8, 2), (98, 3, 1), (97, 1, 1)]


def test_depth_leaves_out_market_orders(engine: Engine) -> None:
    engine.phase("auction")
    engine.new(order("m", "buy", 9))

    assert engine.depth(1) == ([(99, 8, 2)], [(101, 4, 1)])


def test_a_restored_engine_has_the_same_state_and_goes_on_alike(engine: Engine) -> None:
    twin = Engine.restore(engine.snapshot(), engine.current_phase)

    assert twin.state_hash() == engine.state_hash()
    taker: dict[str, Any] = {"side": "sell", "qty": 9, "price": 98}
    assert plain(twin.new(order("s", **taker))) == plain(engine.new(order("s", **taker)))
    assert twin.state_hash() == engine.state_hash()


def test_new_orders_are_younger_than_restored_ones(engine: Engine) -> None:
    twin = Engine.restore(engine.snapshot(), "continuous")
    youngest = max(found.priority for found in twin.snapshot())

    late = order("late", "buy", 1, 99)
    twin.new(late)

    assert late.priority == youngest + 1
    assert resting(twin)[0][0] == (99, 9, ["b3", "b1", "late"])


def test_a_snapshot_is_a_copy(engine: Engine) -> None:
    before = engine.state_hash()
    taken = engine.snapshot()
    twin = Engine.restore(taken, "continuous")
    for found in taken:
        found.qty = 77

    assert engine.state_hash() == twin.state_hash() == before


def test_the_age_between_the_sides_is_state() -> None:
    one, other = Engine(), Engine()
    bid: dict[str, Any] = {"side": "buy", "qty": 1, "price": 9}
    ask: dict[str, Any] = {"side": "sell", "qty": 1, "price": 11}
    one.new(order("b", **bid))
    one.new(order("a", **ask))
    other.new(order("a", **ask))
    other.new(order("b", **bid))

    assert one.state_hash() != other.state_hash()


def test_phase_and_every_field_are_state() -> None:
    def digest(phase: Any = "auction", **fields: Any) -> str:
        shown: dict[str, Any] = {"side": "buy", "qty": 1, "price": 9}
        return Engine.restore([order("x", **(shown | fields), priority=1)], phase).state_hash()

    changed = [
        digest(),
        digest(phase="halted"),
        digest(side="sell"),
        digest(qty=2),
        digest(price=8),
        digest(account="y"),
        digest(post_only=True),
        digest(stp="decrement"),
        digest(type="market", price=0),
    ]
    assert len(set(changed)) == len(changed)


@pytest.mark.parametrize(
    "orders",
    [
        [order("x", "buy", 1, 9, priority=2), order("y", "buy", 1, 9, priority=2)],
        [order("x", "buy", 1, 9, priority=0)],
        [order("x", "buy", 1, 9, priority=1), order("x", "buy", 1, 9, priority=2)],
        [order("x", "buy", 0, 9, priority=1)],
        [order("x", "buy", 1, 0, type="limit", priority=1)],
        [order("x", "buy", 1, 9, priority=1), order("y", "sell", 1, 9, priority=2)],
        [order("x", "buy", 1, priority=1)],
        [order("x", "buy", 1, 9, tif="IOC", priority=1)],
    ],
    ids=["same age", "no age", "same id", "nothing open", "no price", "crossed", "market order", "not GTC"],
)
def test_orders_that_could_not_rest_are_not_restored(orders: list[Order]) -> None:
    with pytest.raises(ValueError, match=r"rest|ascend"):
        Engine.restore(orders, "continuous")


def test_a_crossed_book_is_restored_outside_continuous() -> None:
    orders = [order("x", "buy", 1, 9, priority=1), order("y", "sell", 1, 9, priority=2)]

    assert Engine.restore(orders, "auction").current_phase == "auction"
