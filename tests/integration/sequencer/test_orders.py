"""What becomes of orders: what is held, traded, refunded, cancelled."""

from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command

from exchange.engine.orders import Phase
from exchange.models import Entitlement, Instrument, Order, Trade
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelAll, CancelOrder, Defund, NewOrder, SetCapacity, SetPhase
from tests import builders
from tests.sequencer_market import make_market, order_id, wallet

FUNDS = 10_000_000_000


def test_resting_buy_holds_worst_case_and_cancel_returns_it(exchange):
    market = make_market(maker_fee_ppm=500, taker_fee_ppm=1_000)
    resting = market.buy(2_000, 100)
    assert resting.body["status"] == "open"
    assert resting.body["held_nano_usd"] == 200_200_000
    assert wallet(market.buyer) == (FUNDS, 200_200_000)

    canceled = market.cancel(market.buyer, resting)
    assert (canceled.status, canceled.body["status"], canceled.body["held_nano_usd"]) == (200, "canceled", 0)
    assert wallet(market.buyer) == (FUNDS, 0)
    assert market.cancel(market.buyer, resting).status == 404


def test_maker_buy_pays_from_its_hold_and_keeps_exactly_the_rest_held(exchange):
    market = make_market(maker_fee_ppm=500, taker_fee_ppm=1_000)
    market.buy(2_000, 100)
    market.sell(2_000, 30)
    # 30 lots: 60,000,000 and 500 ppm; 70 lots stay held at the worst case of 1,000 ppm.
    assert wallet(market.buyer) == (FUNDS - 60_030_000, 140_140_000)
    (hold,) = market.rows()["holds"]
    assert (hold["placed"], hold["captured"], hold["released"]) == (200_200_000, 60_030_000, 30_000)

    market.sell(1_990, 70)
    assert wallet(market.buyer) == (FUNDS - 200_100_000, 0)
    (hold,) = market.rows()["holds"]
    assert (hold["captured"], hold["released"]) == (200_100_000, 100_000)
    assert hold["ended_at"] is not None


def test_price_improvement_is_never_taken(exchange):
    market = make_market()
    market.sell(1_500, 10)
    bought = market.buy(2_000, 15)
    assert (bought.body["leaves_lots"], bought.body["held_nano_usd"]) == (5, 10_000_000)
    assert wallet(market.buyer) == (FUNDS - 15_000_000, 10_000_000)


def test_fee_is_half_even_to_the_nano_dollar(exchange):
    market = make_market(maker_fee_ppm=0, taker_fee_ppm=500, band=(1, 10))
    market.sell(1, 100)
    for lots, fee in ((1, 0), (2, 1), (3, 2), (5, 2)):  # 0.5, 1, 1.5 and 2.5 nano-USD
        assert market.buy(1, lots, tif="IOC").body["trades"][0]["fee_nano_usd"] == fee


@pytest.mark.parametrize(("tif", "traded"), [("IOC", 10), ("FOK", 0)])
def test_what_does_not_rest_is_canceled(exchange, tif, traded):
    market = make_market()
    market.sell(2_000, 10)
    bought = market.buy(2_000, 25, tif=tif)
    assert (bought.status, bought.body["status"]) == (201, "canceled")
    assert (bought.body["cumulative_lots"], bought.body["leaves_lots"]) == (traded, 0)
    assert wallet(market.buyer) == (FUNDS - traded * 2_000_000, 0)
    assert Order.objects.get(organisation=market.buyer).reason == tif.lower()


def test_market_order_needs_the_upper_band_and_pays_the_book(exchange):
    market = make_market(funds_nano_usd=30_000_000, band=(1, 3_000))
    market.sell(2_000, 20)
    assert market.buy(None, 11, type="market", tif="IOC").body["error"]["code"] == "insufficient_balance"
    bought = market.buy(None, 10, type="market", tif="IOC")
    assert (bought.body["status"], bought.body["price_ticks"]) == ("filled", None)
    assert wallet(market.buyer) == (10_000_000, 0)


def test_replace_moves_the_hold_both_ways_and_can_use_what_it_frees(exchange):
    market = make_market(funds_nano_usd=100_000_000)
    resting = market.buy(2_000, 50)
    assert wallet(market.buyer) == (100_000_000, 100_000_000)
    assert market.replace(market.buyer, resting, 1_000, 50).body["held_nano_usd"] == 50_000_000
    assert wallet(market.buyer) == (100_000_000, 50_000_000)
    assert market.replace(market.buyer, resting, 1_000, 100).body["held_nano_usd"] == 100_000_000
    assert wallet(market.buyer) == (100_000_000, 100_000_000)
    refused = market.replace(market.buyer, resting, 1_000, 101)
    assert refused.body["error"]["code"] == "insufficient_balance"
    assert wallet(market.buyer) == (100_000_000, 100_000_000)
    market.cancel(market.buyer, resting)
    assert wallet(market.buyer) == (100_000_000, 0)


def test_replaced_order_that_crosses_trades_at_once(exchange):
    market = make_market()
    market.sell(2_000, 10)
    resting = market.buy(1_000, 4)
    replaced = market.replace(market.buyer, resting, 2_500, 12)
    assert (replaced.body["cumulative_lots"], replaced.body["leaves_lots"]) == (10, 2)
    assert wallet(market.buyer) == (FUNDS - 20_000_000, 5_000_000)


def test_sell_order_offers_capacity_until_it_ends(exchange):
    market = make_market(rate_ucu_per_s=1)  # 86,400 µCU: 864 lots
    resting = market.sell(2_000, 864)
    assert market.sell(2_000, 1).body["error"]["code"] == "insufficient_capacity"
    market.buy(2_000, 64)
    assert market.sell(2_000, 1).body["error"]["code"] == "insufficient_capacity"
    market.cancel(market.seller, resting)
    assert market.sell(2_000, 801).body["error"]["code"] == "insufficient_capacity"
    assert market.sell(2_000, 800).status == 201


def test_less_capacity_cancels_the_youngest_offers_it_does_not_back(exchange):
    market = make_market(rate_ucu_per_s=10)
    first, second, third = (market.sell(2_000, lots) for lots in (500, 400, 100))
    bid = market.order(market.seller, "buy", 1, 1)
    assert bid.status == 402  # no money: an offer is what is left to the seller
    market.buy(2_000, 100)
    compute_class = market.instrument.compute_class_id
    fell = submit_sync(SetCapacity(market.seller.id, compute_class, 1, 1_000_000))
    assert fell.body["canceled"] == [third.body["order_id"], second.body["order_id"]]
    rows = {order.id: order for order in Order.objects.filter(organisation=market.seller)}
    assert [
        (row.status, row.leaves_lots, row.reason)
        for row in (rows[order_id(sold)] for sold in (first, second, third))
    ] == [("open", 400, ""), ("canceled", 0, "capacity"), ("canceled", 0, "capacity")]
    assert market.sell(2_000, 365).body["error"]["code"] == "insufficient_capacity"
    assert market.sell(2_000, 364).status == 201  # 864 lots are backed: 100 sold, 400 and 364 offered
    call_command("exchange_replay", stdout=StringIO())


def test_less_capacity_leaves_the_offers_of_a_halted_book(exchange):
    market = make_market(rate_ucu_per_s=1)
    market.sell(2_000, 864)
    submit_sync(SetPhase(market.instrument.symbol, "halted"))
    fell = submit_sync(SetCapacity(market.seller.id, market.instrument.compute_class_id, 0, 1_000_000))
    assert (fell.status, fell.body["canceled"]) == (200, [])
    assert Order.objects.get(organisation=market.seller).status == "open"


def test_nobody_trades_with_himself(exchange):
    market = make_market()
    submit_sync(SetCapacity(market.buyer.id, market.instrument.compute_class_id, 1_000, 1_000_000))
    resting = market.order(market.buyer, "sell", 2_000, 10)
    taker = market.buy(2_000, 10)
    assert (taker.body["status"], taker.body["held_nano_usd"]) == ("canceled", 0)
    assert Order.objects.get(id=resting.body["order_id"].removeprefix("ord_")).status == "open"
    assert not Trade.objects.filter(instrument=market.instrument).exists()
    assert wallet(market.buyer) == (FUNDS, 0)


def test_beneficiary_holds_what_another_paid(exchange):
    market = make_market()
    friend = builders.organisation("friend")
    market.sell(2_000, 10)
    market.buy(2_000, 10, beneficiary_id=friend.id)
    assert Entitlement.objects.get(instrument=market.instrument).holder_id == friend.id
    assert wallet(market.buyer) == (FUNDS - 20_000_000, 0)


def test_cancel_by_client_order_id_and_cancel_all(exchange):
    market = make_market()
    first = market.buy(1_000, 1, client_order_id="first")
    market.buy(1_000, 2)
    market.sell(2_000, 3)
    canceled = submit_sync(CancelOrder(market.buyer.id, None, client_order_id="first"))
    assert canceled.body["order_id"] == first.body["order_id"]
    everything = submit_sync(CancelAll(market.buyer.id))
    assert len(everything.body["canceled"]) == 1
    assert wallet(market.buyer) == (FUNDS, 0)
    assert Order.objects.get(organisation=market.seller).status == "open"


def test_halted_instrument_takes_nothing_and_cancel_only_takes_cancels(exchange):
    market = make_market()
    resting = market.buy(1_000, 1)
    phases: list[tuple[Phase, int]] = [("halted", 409), ("cancel_only", 200)]
    for phase, cancel_status in phases:
        assert submit_sync(SetPhase(market.instrument.symbol, phase)).status == 200
        assert Instrument.objects.get(id=market.instrument.id).phase == phase
        assert market.buy(1_000, 1).body["error"]["code"] == "instrument_not_trading"
        assert market.cancel(market.buyer, resting).status == cancel_status


def test_defund_gives_back_only_what_no_order_holds(exchange):
    market = make_market(funds_nano_usd=100_000_000)
    market.buy(1_000, 60)
    refused = submit_sync(Defund(market.buyer.id, 40_000_001, "too much"))
    assert refused.body["error"]["code"] == "insufficient_balance"
    assert submit_sync(Defund(market.buyer.id, 40_000_000, "rest")).body["available_nano_usd"] == 0
    assert wallet(market.buyer) == (60_000_000, 60_000_000)


def test_an_unknown_organisation_spoils_only_its_own_order(exchange):
    market = make_market()
    ghost = NewOrder(
        organisation_id=market.buyer.id,
        beneficiary_id=UUID(int=7),
        instrument=market.instrument.symbol,
        side="buy",
        price_ticks=1_000,
        quantity_lots=1,
    )
    assert submit_sync(ghost).status == 500
    assert wallet(market.buyer) == (FUNDS, 0)
    assert market.buy(1_000, 1).status == 201


def test_every_kind_is_written_as_it_stands(exchange):
    market = make_market()
    market.sell(2_000, 30, display_lots=10)
    market.buy(2_000, 15)
    bought = market.buy(None, None, type="market", tif="IOC", budget_nano_usd=5_000_000)
    chosen = market.buy(2_000, 2, tif="IOC", only_providers=(market.seller.id,), min_lots=2)
    assert bought.body["cumulative_lots"] == 2
    rows = Order.objects.filter(instrument=market.instrument).order_by("id")
    assert [
        (row.display_lots, row.slice_lots, row.leaves_lots, row.min_lots, row.budget_nano_usd) for row in rows
    ] == [
        (10, 1, 11, None, None),
        (None, 0, 0, None, None),
        (None, 0, 0, None, 5_000_000),
        (None, 0, 0, 2, None),
    ]
    trades = Trade.objects.filter(instrument=market.instrument).order_by("sequence")
    assert [trade.is_selective for trade in trades] == [False, False, False, True]
    assert chosen.body["trades"][0]["is_selective"] is True
    call_command("exchange_replay", stdout=StringIO())
