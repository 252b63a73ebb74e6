"""Self-trade prevention: five modes of the taker, at the moment the maker would be next."""

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    """Asks: other 2 @ 100, then own 3 @ 101 (whose own mode must not matter), then late 4 @ 101."""
    engine = Engine()
    engine.new(order("other", "sell", 2, 100))
    engine.new(order("own", "sell", 3, 101, account="me", stp="cancel_both"))
    engine.new(order("late", "sell", 4, 101))
    return engine


FIRST = [("accepted", "b"), ("trade", "other", "b", 100, 2)]


@pytest.mark.parametrize(
    ("stp", "then", "bids", "asks"),
    [
        (
            "none",
            [("trade", "own", "b", 101, 3), ("trade", "late", "b", 101, 4)],
            [(101, 1, ["b"])],
            [],
        ),
        ("cancel_taker", [("canceled", "b", 8, "stp")], [], [(101, 7, ["own", "late"])]),
        (
            "cancel_maker",
            [("canceled", "own", 3, "stp"), ("trade", "late", "b", 101, 4)],
            [(101, 4, ["b"])],
            [],
        ),
        (
            "cancel_both",
            [("canceled", "own", 3, "stp"), ("canceled", "b", 8, "stp")],
            [],
            [(101, 4, ["late"])],
        ),
        (
            "decrement",
            [
                ("canceled", "own", 3, "decrement"),
                ("canceled", "b", 3, "decrement"),
                ("trade", "late", "b", 101, 4),
            ],
            [(101, 1, ["b"])],
            [],
        ),
    ],
)
def test_the_takers_mode_decides(engine: Engine, stp, then, bids, asks) -> None:
    assert plain(engine.new(order("b", "buy", 10, 101, account="me", stp=stp))) == FIRST + then
    assert resting(engine) == (bids, asks)


def test_decrement_leaves_a_larger_maker_its_priority(engine: Engine) -> None:
    events = plain(engine.new(order("b", "buy", 4, 101, account="me", stp="decrement")))

    assert events == [*FIRST, ("canceled", "own", 2, "decrement"), ("canceled", "b", 2, "decrement")]
    assert resting(engine) == ([], [(101, 5, ["own", "late"])])


def test_an_own_order_out_of_reach_is_left_alone(engine: Engine) -> None:
    assert plain(engine.new(order("b", "buy", 2, 101, account="me", stp="cancel_both"))) == FIRST
    assert engine.order("own") is not None


def test_another_account_is_not_protected_by_the_makers_mode(engine: Engine) -> None:
    events = plain(engine.new(order("b", "buy", 5, 101, account="you", stp="cancel_both")))

    assert events == [*FIRST, ("trade", "own", "b", 101, 3)]


@pytest.mark.parametrize("stp", ["cancel_taker", "cancel_both", "decrement"])
def test_fok_does_not_look_past_an_own_order_at_a_worse_price(engine: Engine, stp) -> None:
    engine.new(order("far", "sell", 9, 102))

    assert plain(engine.new(order("b", "buy", 9, 102, account="me", stp=stp, tif="FOK")))[1:] == [
        ("canceled", "b", 9, "fok")
    ]


@pytest.mark.parametrize(
    ("stp", "qty", "fills"),
    [
        ("none", 9, True),
        ("cancel_maker", 6, True),
        ("cancel_maker", 7, False),
        ("cancel_taker", 2, True),
        ("cancel_taker", 3, False),
        ("cancel_both", 3, False),
        ("decrement", 3, False),
    ],
)
def test_fok_counts_only_what_can_trade(engine: Engine, stp, qty: int, fills: bool) -> None:
    before = engine.state_hash()

    events = plain(engine.new(order("b", "buy", qty, 101, account="me", stp=stp, tif="FOK")))

    if fills:
        assert sum(event[-1] for event in events if event[0] == "trade") == qty
    else:
        assert events == [("accepted", "b"), ("canceled", "b", qty, "fok")]
        assert engine.state_hash() == before
