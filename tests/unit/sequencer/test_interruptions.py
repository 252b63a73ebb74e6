"""Bands around the reference price, and trades too far from it, which wait for an auction."""

import pytest

from exchange.sequencer import protocol as p
from tests.sequencer_memory import Desk
from tests.unit.sequencer.auction_desk import ANN, BOB, CY, code, desk_of, phase, prices


@pytest.fixture
def desk() -> Desk:
    return desk_of()


def test_orders_lie_within_the_band_around_the_reference(desk):
    desk = desk_of(reference_ticks=1_000, band_ppm=99_999, band_low_ticks=950)
    market = desk.state.markets["x"]
    assert market.band == (950, 1_099)
    refused = desk.order(ANN, "buy", 1_100, 1)
    assert (code(refused), refused.body["error"]["message"]) == (
        "price_out_of_band",
        "The price must be 950 to 1099 ticks now.",
    )
    placed = desk.order(ANN, "buy", 1_099, 1)
    order = desk.open(placed)
    assert order is not None
    assert code(desk.decide(p.ReplaceOrder(ANN, None, order.id, 1_100, 1))) == "price_out_of_band"
    desk.order(BOB, "sell", 1_099, 1)
    assert market.reference_ticks == 1_099
    assert market.band == (990, 1_208)


@pytest.mark.parametrize("protection", [None, 4_000])
def test_a_market_order_is_protected_by_the_band(protection):
    desk = desk_of(reference_ticks=1_000, band_ppm=100_000)
    desk.order(BOB, "sell", 1_100, 1)
    desk.state.markets["x"].reference_ticks = 990
    missed = desk.order(ANN, "buy", protection, 1, type="market", tif="IOC")
    assert (missed.body["status"], prices(desk)) == ("canceled", [])
    assert code(desk.order(ANN, "buy", 890, 1, type="market", tif="IOC")) == "price_out_of_band"


@pytest.fixture
def nervous() -> Desk:
    return desk_of(reference_ticks=1_000, volatility_ppm=50_000, volatility_auction_s=30)


def test_a_trade_too_far_from_the_reference_asks_everybody_first(nervous):
    nervous.order(BOB, "sell", 1_050, 5)
    nervous.order(BOB, "sell", 1_051, 5)
    assert nervous.order(ANN, "buy", 1_051, 5).body["status"] == "filled"
    assert prices(nervous) == [(1_050, 5)]
    nervous.state.markets["x"].reference_ticks = 1_000
    resting = nervous.order(ANN, "buy", 1_060, 5)
    assert (resting.body["status"], phase(nervous)) == ("open", "auction")
    auction = nervous.state.markets["x"].auction
    assert auction is not None
    assert (auction.kind, auction.reference_ticks, resting.body["auction_id"]) == (
        "volatility",
        1_000,
        f"auc_{auction.id.hex}",
    )
    nervous.order(CY, "sell", 1_020, 5)
    nervous.at(30)
    assert phase(nervous) == "continuous"
    assert prices(nervous) == [(1_050, 5), (1_020, 5)]
    assert nervous.state.markets["x"].reference_ticks == 1_020


@pytest.mark.parametrize(
    "other", [{"tif": "IOC"}, {"tif": "FOK"}, {"type": "market", "tif": "IOC", "price_ticks": None}]
)
def test_an_order_that_cannot_wait_is_turned_away_and_halts_nobody(nervous, other):
    nervous.order(CY, "buy", 949, 5)
    price = other.pop("price_ticks", 900)
    answer = nervous.order(BOB, "sell", price, 5, **other)
    assert (answer.status, answer.body["status"], phase(nervous)) == (201, "canceled", "continuous")
    row = nervous.changes.orders[answer.body["order_id"].removeprefix("ord_")]
    assert (row.reason, row.leaves_lots, row.cumulative_lots) == ("volatility", 0, 0)
    assert row.id.hex not in nervous.state.orders


def test_a_sweep_that_begins_too_far_and_ends_near_asks_everybody_first(nervous):
    nervous.order(BOB, "sell", 900, 5)
    nervous.order(BOB, "sell", 1_010, 5)
    swept = nervous.order(ANN, "buy", 1_010, 8)
    assert (swept.body["status"], phase(nervous), prices(nervous)) == ("open", "auction", [])


def test_a_replacement_interrupts_too_and_post_only_never_does(nervous):
    nervous.order(BOB, "sell", 1_100, 5)
    assert code(nervous.order(ANN, "buy", 1_100, 5, post_only=True)) == "post_only_would_take"
    assert phase(nervous) == "continuous"
    order = nervous.open(nervous.order(ANN, "buy", 1_000, 5))
    assert order is not None
    replaced = nervous.decide(p.ReplaceOrder(ANN, None, order.id, 1_100, 5))
    assert (replaced.body["status"], phase(nervous), prices(nervous)) == ("open", "auction", [])


def test_trades_that_are_never_printed_interrupt_nobody(nervous):
    nervous.order(BOB, "sell", 1_100, 5)
    wanted = nervous.order(ANN, "buy", 1_100, 1, tif="IOC", only_providers=(BOB,))
    assert (wanted.body["status"], phase(nervous)) == ("filled", "continuous")
    assert nervous.state.markets["x"].reference_ticks == 1_000


@pytest.mark.parametrize("is_replaced", [False, True])
def test_capacity_backs_the_order_that_interrupts_or_a_standing_offer_not_both(is_replaced):
    desk = desk_of(delivery="idle", window_s=1, reference_ticks=1_000, volatility_ppm=50_000)
    desk.order(ANN, "buy", 940, 5)
    assert desk.decide(p.SetStandingOffer(BOB, "x", 1_040, 10)).status == 200
    if is_replaced:
        order = desk.open(desk.order(BOB, "sell", 1_040, 1))
        assert order is not None
        verdict = desk.decide(p.ReplaceOrder(BOB, None, order.id, 930, 10))
    else:
        verdict = desk.order(BOB, "sell", 930, 10)
    assert (verdict.body["status"], phase(desk)) == ("open", "auction")
    backing = desk.state.backings[BOB, "c/idle"]
    assert (backing.offered_ucu, backing.free_ucu(1)) == (1_000, 0)
    assert [order.side for order in desk.market.engine.snapshot()] == ["buy", "sell"]


def test_an_order_that_is_turned_away_claims_nothing(nervous):
    nervous.order(CY, "buy", 940, 5)
    nervous.order(BOB, "sell", 900, 5, tif="IOC")
    assert nervous.state.backings[BOB, "c"].offered_ucu == 0
