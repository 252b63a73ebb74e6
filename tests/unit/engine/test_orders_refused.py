"""The checks of a new order: each reason, their order, and that a refusal changes nothing."""

import pytest

from exchange.engine import Engine, Order
from tests.unit.engine.books import order, plain


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.new(order("bid", "buy", 5, 99))
    engine.new(order("ask", "sell", 5, 101))
    return engine


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (order("x", "buy", 0, 0, type="limit", post_only=True, tif="IOC"), "invalid_qty"),
        (order("x", "buy", -3, 100), "invalid_qty"),
        (order("x", "buy", 1, 0, type="limit", post_only=True, tif="IOC"), "invalid_price"),
        (order("x", "buy", 1, -1, type="limit"), "invalid_price"),
        (order("x", "buy", 1, post_only=True), "invalid_post_only"),
        (order("x", "buy", 1, 100, post_only=True, tif="IOC"), "invalid_post_only"),
        (order("x", "buy", 1, 100, post_only=True, tif="FOK"), "invalid_post_only"),
        (order("bid", "buy", 1, tif="GTC"), "invalid_tif"),
        (order("bid", "buy", 1, 101, post_only=True), "duplicate_id"),
        (order("x", "buy", 1, 101, post_only=True), "post_only_would_take"),
        (order("x", "buy", 1, 102, post_only=True), "post_only_would_take"),
        (order("x", "sell", 1, 99, post_only=True), "post_only_would_take"),
        (order("x", "buy", 1, 101, post_only=True, account="of ask"), "post_only_would_take"),
    ],
)
def test_a_refused_order_names_the_first_failing_check_and_moves_nothing(
    engine: Engine, refused: Order, reason: str
) -> None:
    before = engine.state_hash()

    assert plain(engine.new(refused)) == [("rejected", "new", reason, refused.id)]
    assert engine.state_hash() == before


@pytest.mark.parametrize("phase", ["cancel_only", "halted"])
def test_a_closed_phase_refuses_new_orders_before_it_looks_at_tif_and_id(engine: Engine, phase) -> None:
    engine.phase(phase)

    assert plain(engine.new(order("bid", "buy", 1))) == [("rejected", "new", "phase", "bid")]
    assert plain(engine.new(order("x", "buy", 0, 1))) == [("rejected", "new", "invalid_qty", "x")]


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_an_auction_takes_only_gtc(engine: Engine, tif) -> None:
    engine.phase("auction")

    assert plain(engine.new(order("x", "buy", 1, 100, tif=tif))) == [("rejected", "new", "invalid_tif", "x")]
    assert plain(engine.new(order("y", "buy", 1, tif=tif))) == [("rejected", "new", "invalid_tif", "y")]


def test_post_only_rests_one_tick_short_of_the_other_side(engine: Engine) -> None:
    assert plain(engine.new(order("x", "buy", 1, 100, post_only=True))) == [("accepted", "x")]
    assert plain(engine.new(order("y", "sell", 1, 101, post_only=True))) == [("accepted", "y")]


def test_an_id_is_free_again_once_its_order_is_gone(engine: Engine) -> None:
    engine.cancel("bid")

    assert plain(engine.new(order("bid", "buy", 2, 98))) == [("accepted", "bid")]
