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


def test_orders_are_found_by_id(engine: Engine) -> None:
    assert {found.id: found.qty for found in engine.snapshot()}["b1"] == 6
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
        digest(tif="GFA"),
        digest(qty=3, display=2, slice=2),
        digest(qty=3, display=3, slice=2),
        digest(qty=3, display=3, slice=1),
        digest(side="sell", end=7),
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
        [order("x", "buy", 1, 9, tif="GFA", priority=1)],
        [order("x", "buy", 5, 9, display=2, slice=3, priority=1)],
        [order("x", "buy", 1, 9, display=2, slice=2, priority=1)],
        [order("x", "buy", 5, 9, display=2, priority=1)],
        [order("x", "buy", 5, 9, slice=2, priority=1)],
    ],
    ids=[
        *("same age", "no age", "same id", "nothing open", "no price", "crossed", "market order", "not GTC"),
        *("GFA", "slice over display", "slice over quantity", "no slice", "no iceberg"),
    ],
)
def test_orders_that_could_not_rest_are_not_restored(orders: list[Order]) -> None:
    with pytest.raises(ValueError, match=r"rest|ascend"):
        Engine.restore(orders, "continuous")


def test_a_crossed_book_is_restored_outside_continuous() -> None:
    orders = [order("x", "buy", 1, 9, priority=1), order("y", "sell", 1, 9, priority=2)]

    assert Engine.restore(orders, "auction").current_phase == "auction"


def test_a_snapshot_in_bytes_is_all_there_is_down_to_the_numbers(engine: Engine) -> None:
    engine.new(order("ice", "buy", 9, 90, display=4))
    engine.new(order("offer", "sell", 2, 90, end=1_800_000_000))
    engine.cancel("b4")
    engine.phase("auction")
    engine.new(order("m", "sell", 3))
    engine.new(order("gone", "sell", 3))
    engine.cancel("gone")

    twin = Engine.restore_bytes(engine.snapshot_bytes())

    assert twin.snapshot_bytes() == engine.snapshot_bytes()
    assert (twin.state_hash(), twin.current_phase) == (engine.state_hash(), "auction")
    assert twin.book() == engine.book()
    for either in (twin, engine):
        either.new(order("late", "buy", 1, 99))
    assert twin.snapshot_bytes() == engine.snapshot_bytes()


@pytest.mark.parametrize("bad", [b"", b"nonsense", b"\x93\xa4open\x00\x90"])
def test_what_is_no_snapshot_is_not_restored(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Engine.restore_bytes(bad)


def test_level_lots_follow_every_change(engine: Engine) -> None:
    assert [engine.level_lots("buy", price) for price in (99, 98, 97, 50)] == [8, 3, 1, 0]
    engine.new(order("s", "sell", 3, 99))
    assert engine.level_lots("buy", 99) == 5
    engine.replace("b1", 99, 2)
    assert engine.level_lots("buy", 99) == 2
    engine.cancel("b1")
    assert engine.level_lots("buy", 99) == 0
    assert engine.level_lots("sell", 101) == 4
