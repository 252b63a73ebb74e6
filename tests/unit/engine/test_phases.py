"""Phases: what each lets through, and the way back to continuous trading."""

import pytest

from exchange.engine import Engine
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.new(order("b", "buy", 5, 99))
    return engine


def test_cancels_pass_except_when_halted(engine: Engine) -> None:
    engine.phase("halted")
    assert plain(engine.cancel("b")) == [("rejected", "cancel", "phase", "b")]
    assert plain(engine.cancel("no")) == [("rejected", "cancel", "phase", "no")]
    engine.phase("cancel_only")
    assert plain(engine.cancel("b")) == [("canceled", "b", 5, "user")]


@pytest.mark.parametrize("phase", ["continuous", "cancel_only", "halted"])
def test_auction_commands_need_the_auction(engine: Engine, phase) -> None:
    engine.phase(phase)

    assert plain(engine.indicative(100)) == [("rejected", "indicative", "phase")]
    assert plain(engine.uncross(100)) == [("rejected", "uncross", "phase")]


@pytest.mark.parametrize("phase", ["continuous", "auction", "cancel_only", "halted"])
def test_a_phase_may_follow_itself(engine: Engine, phase) -> None:
    assert plain(engine.phase(phase)) == plain(engine.phase(phase)) == [("phase", phase)]
    assert engine.current_phase == phase


@pytest.mark.parametrize(("ask", "opens"), [(98, False), (99, False), (100, True)])
def test_a_crossed_book_cannot_go_continuous(engine: Engine, ask: int, opens: bool) -> None:
    engine.phase("auction")
    engine.new(order("a", "sell", 1, ask))

    answer = [("phase", "continuous")] if opens else [("rejected", "phase", "crossed_book")]

    assert plain(engine.phase("continuous")) == answer
    assert engine.current_phase == ("continuous" if opens else "auction")


def test_a_market_order_crosses_any_opposite_order_but_alone_it_is_canceled(engine: Engine) -> None:
    engine.phase("auction")
    engine.new(order("m", "sell", 1))
    assert plain(engine.phase("continuous")) == [("rejected", "phase", "crossed_book")]
    engine.cancel("b")
    assert plain(engine.phase("continuous")) == [("phase", "continuous"), ("canceled", "m", 1, "market")]


def test_market_orders_on_both_sides_cross(engine: Engine) -> None:
    engine.cancel("b")
    engine.phase("auction")
    engine.new(order("m1", "sell", 1))
    engine.new(order("m2", "buy", 1))

    assert plain(engine.phase("continuous")) == [("rejected", "phase", "crossed_book")]


def test_left_market_orders_outlive_a_halt_and_go_oldest_first(engine: Engine) -> None:
    engine.phase("auction")
    for id in ("m2", "m1"):
        engine.new(order(id, "buy", 1))
    engine.phase("halted")
    assert resting(engine)[0] == [(None, 2, ["m2", "m1"]), (99, 5, ["b"])]

    assert plain(engine.phase("continuous"))[1:] == [
        ("canceled", "m2", 1, "market"),
        ("canceled", "m1", 1, "market"),
    ]


def test_in_an_auction_orders_rest_crossed_and_post_only_has_no_effect(engine: Engine) -> None:
    engine.phase("auction")

    assert plain(engine.new(order("a", "sell", 1, 90, post_only=True))) == [("accepted", "a")]
    assert resting(engine) == ([(99, 5, ["b"])], [(90, 1, ["a"])])
