"""Phases: what each lets through, and the way back to continuous trading."""

from typing import Any, get_args

import pytest

from exchange.engine import Engine
from exchange.engine.orders import Phase
from exchange.engine.phases import PERMISSIONS
from tests.unit.engine.books import order, plain, resting


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.new(order("b", "buy", 5, 99))
    return engine


MATCHED, RESTS, REFUSED = "matched", "rests", "refused"
TABLE = [
    # phase, new order, replace, replace for the worse, cancel, uncross
    ("pre_open", RESTS, True, True, True, True),
    ("continuous", MATCHED, True, True, True, False),
    ("auction", RESTS, True, True, True, True),
    ("no_cancel", RESTS, True, False, False, True),
    ("cancel_only", REFUSED, False, False, True, False),
    ("halted", REFUSED, False, False, False, False),
    ("closed", REFUSED, False, False, True, False),
]


def answer(events: list[Any]) -> tuple[str, str | None]:
    """The kind of the first event, and why if it is a refusal."""
    first = plain(events)[0]
    return first[0], first[2] if first[0] == "rejected" else None


def test_the_table_of_permissions_has_every_phase() -> None:
    assert [row[0] for row in TABLE] == list(PERMISSIONS) == list(get_args(Phase))


@pytest.mark.parametrize(("phase", "new", "replace", "worse", "cancel", "uncross"), TABLE)
def test_what_a_phase_permits(
    engine: Engine, phase: Any, new: str, replace: bool, worse: bool, cancel: bool, uncross: bool
) -> None:
    engine.phase(phase)

    asked = engine.new(order("a", "sell", 1, 99))
    assert answer(asked) == (("rejected", "phase") if new == REFUSED else ("accepted", None))
    assert len(asked) == (2 if new == MATCHED else 1)
    assert (engine.order("a") is not None) is (new == RESTS)
    assert answer(engine.replace("b", 99, 5)) == (("replaced", None) if replace else ("rejected", "phase"))
    worsened = answer(engine.replace("b", 99, 3))
    assert worsened[0] == ("replaced" if worse else "rejected")
    assert (worsened[1] == "not_improving") is (phase == "no_cancel")
    for event in (*engine.indicative(100), *engine.uncross(100)):
        assert (answer([event]) == ("rejected", "phase")) is not uncross
    engine.new(order("c", "buy", 1, 9))
    found = engine.order("b") is not None
    id = "b" if found else "c"
    assert answer(engine.cancel(id)) == (("canceled", None) if cancel else ("rejected", "phase"))


def test_a_cancel_is_refused_for_the_phase_before_the_order_is_looked_for(engine: Engine) -> None:
    engine.phase("halted")

    assert plain(engine.cancel("no")) == [("rejected", "cancel", "phase", "no")]


@pytest.mark.parametrize("phase", list(PERMISSIONS))
def test_time_runs_out_in_every_phase(engine: Engine, phase: Any) -> None:
    engine.phase(phase)

    assert plain(engine.expire("b")) == [("canceled", "b", 5, "expired")]
    assert plain(engine.expire("b")) == [("rejected", "expire", "unknown_order", "b")]
    assert resting(engine) == ([], [])


@pytest.mark.parametrize(
    ("price", "qty", "passes"),
    [(99, 5, True), (100, 5, True), (99, 6, True), (98, 9, False), (100, 4, False)],
)
def test_in_the_no_cancel_phase_a_bid_may_only_improve(
    engine: Engine, price: int, qty: int, passes: bool
) -> None:
    engine.phase("no_cancel")

    assert answer(engine.replace("b", price, qty))[1] == (None if passes else "not_improving")
    assert resting(engine)[0] == [(price if passes else 99, qty if passes else 5, ["b"])]


@pytest.mark.parametrize(
    ("price", "qty", "passes"), [(100, 2, True), (99, 2, True), (101, 2, False), (99, 1, False)]
)
def test_in_the_no_cancel_phase_an_ask_may_only_improve(
    engine: Engine, price: int, qty: int, passes: bool
) -> None:
    engine.new(order("a", "sell", 2, 100))
    engine.phase("no_cancel")

    assert answer(engine.replace("a", price, qty))[1] == (None if passes else "not_improving")


@pytest.mark.parametrize("phase", list(PERMISSIONS))
def test_a_phase_may_follow_itself(engine: Engine, phase: Any) -> None:
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


def test_good_for_auction_needs_a_call(engine: Engine) -> None:
    refused = [("rejected", "new", "invalid_tif", "g")]
    assert plain(engine.new(order("g", "buy", 1, 98, tif="GFA"))) == refused
    engine.phase("pre_open")
    assert plain(engine.new(order("g", "buy", 1, 98, tif="GFA"))) == [("accepted", "g")]
    assert plain(engine.new(order("i", "buy", 1, 98, tif="IOC"))) == [("rejected", "new", "invalid_tif", "i")]


def test_good_for_auction_does_not_see_continuous_trading(engine: Engine) -> None:
    engine.phase("auction")
    for id, fields in (("g1", {"tif": "GFA"}), ("m", {"price": 0}), ("g2", {"tif": "GFA", "price": 0})):
        engine.new(order(id, "buy", 1, **({"price": 98} | fields)))

    assert plain(engine.phase("continuous")) == [
        ("phase", "continuous"),
        ("canceled", "g1", 1, "auction"),
        ("canceled", "m", 1, "market"),
        ("canceled", "g2", 1, "auction"),
    ]
    assert resting(engine)[0] == [(99, 5, ["b"])]
