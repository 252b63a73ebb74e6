"""Auctions on a real sequencer: rows, events, money, and what a restart finds."""

import json
from typing import Any

import msgspec
import pytest

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import new_id, public_id
from cux.wire.market import Indicative
from cux.wire.streams import AccountDelta, StandingOfferNews
from exchange.models import (
    AccountEvent,
    Auction,
    Entitlement,
    Instrument,
    MarketEvent,
    Order,
    StandingOffer,
    Trade,
)
from exchange.selectors.auctions import auction_get, auction_list, standing_offer_list
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import (
    SetPhase,
    SetStandingOffer,
    StartAuction,
    Verdict,
    WithdrawStandingOffer,
)
from tests import builders
from tests.sequencer_market import LOT_PRICE, Market, make_market, order_id, wallet
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("exchange")


def start(market: Market, **other: Any) -> Verdict:
    facts: dict[str, Any] = {
        "instrument": market.instrument.symbol,
        "auction_id": new_id(),
        "kind": "scheduled",
        "input_s": 1,
        "no_cancel_s": 0,
        "random_close_s": 0,
        "then_phase": "continuous",
    }
    return submit_sync(StartAuction(**facts | other))


def ended(market: Market) -> Auction:
    rows = Auction.objects.filter(instrument=market.instrument, state="done")
    eventually(rows.exists)
    return rows.get()


def told(market: Market) -> list[dict[str, Any]]:
    rows = MarketEvent.objects.filter(instrument=market.instrument).order_by("sequence")
    return [json.loads(row.payload) for row in rows]


def entered(market: Market) -> list[StandingOfferNews]:
    """Return what the seller was told of its standing offers, as a client reads it."""
    rows = AccountEvent.objects.filter(organisation=market.seller).order_by("sequence")
    numbered = [json.loads(row.payload) | {"seq": row.sequence, "at": rfc3339(row.at)} for row in rows]
    deltas = [msgspec.convert(each, AccountDelta) for each in numbered]
    return [delta.standing_offer for delta in deltas if delta.standing_offer is not None]


def test_an_auction_trades_at_one_price_and_tells_how_it_came():
    market = make_market(maker_fee_ppm=10_000, taker_fee_ppm=20_000, delivery="idle")
    posted, _ = wallet(market.buyer)
    started = start(market, random_close_s=1)
    assert started.status == 200
    bids = [market.buy(1_300, 10), market.buy(1_200, 10), market.buy(900, 1, tif="GFA")]
    market.sell(1_000, 15)
    auction = ended(market)
    assert (auction.price_ticks, auction.volume_lots, auction.surplus_lots) == (1_200, 15, 5)
    assert auction.ended_at is not None
    assert auction.close_from_at <= auction.ended_at
    trades = Trade.objects.filter(instrument=market.instrument).order_by("sequence")
    assert [(t.price_ticks, t.quantity_lots, t.auction_id) for t in trades] == [
        (1_200, 10, auction.id),
        (1_200, 5, auction.id),
    ]
    paid = 15 * 1_200 * LOT_PRICE
    assert wallet(market.buyer)[0] == posted - paid - paid // 100
    assert sum(row.escrow_nano_usd for row in Entitlement.objects.filter(instrument=market.instrument)) == (
        paid - paid // 100
    )
    rows = [Order.objects.get(id=order_id(bid)) for bid in bids]
    assert [(row.status, row.reason, row.leaves_lots) for row in rows] == [
        ("filled", "", 0),
        ("open", "", 5),
        ("canceled", "auction", 0),
    ]
    assert Instrument.objects.get(id=market.instrument.id).phase == "continuous"
    shown = [event["auction"] for event in told(market) if "auction" in event]
    assert {event["auction_id"] for event in shown} == {started.body["auction_id"]}
    steps = ["input", "no_cancel", "random_close", "done"]
    assert [event["state"] for event in shown if event["state"] != "input"] == steps[1:]
    assert [(e["price_ticks"], e["volume_lots"], e["surplus_lots"]) for e in shown][-4:] == [
        (1_200, 15, 5)
    ] * 4


def test_a_running_auction_shows_what_would_trade_and_a_done_one_what_did():
    market = make_market()
    running = start(market, input_s=1, no_cancel_s=1)
    market.buy(1_300, 10)
    market.sell(1_000, 4)
    (shown,) = auction_list(symbol=market.instrument.symbol)
    assert shown.auction_id == running.body["auction_id"]
    assert (shown.state, shown.price_ticks, shown.indicative) == (
        "input",
        None,
        Indicative(price_ticks=1_300, volume_lots=4, surplus_lots=6),
    )
    row = ended(market)
    done = auction_get(auction_id=row.id)
    assert (done.state, done.price_ticks, done.volume_lots, done.surplus_lots, done.indicative) == (
        "done",
        1_300,
        4,
        6,
        None,
    )
    with pytest.raises(CuxError) as missing:
        auction_get(auction_id=new_id())
    assert missing.value.code is Code.NOT_FOUND


def test_the_same_key_starts_one_auction():
    market = make_market()
    id = new_id()
    first = start(market, auction_id=id, key="noon")
    assert start(market, auction_id=id, key="noon").body == first.body
    assert start(market, key="noon").body["error"]["code"] == "idempotency_key_reused"
    assert start(market).body["error"]["code"] == "auction_running"
    assert ended(market).id == id
    assert start(market, auction_id=id, key="noon").body == first.body
    assert Auction.objects.filter(instrument=market.instrument).count() == 1


def test_a_stopped_auction_is_done_without_a_price():
    market = make_market()
    start(market, input_s=100)
    market.buy(1_000, 1)
    market.sell(1_000, 1)
    assert submit_sync(SetPhase(market.instrument.symbol, "halted")).status == 200
    auction = ended(market)
    assert (auction.price_ticks, auction.volume_lots) == (None, 0)
    assert not Trade.objects.filter(instrument=market.instrument).exists()
    assert told(market)[-1]["auction"]["state"] == "done"
    reopened = start(market, kind="reopen")
    assert reopened.status == 200
    eventually(Trade.objects.filter(instrument=market.instrument).exists)


def test_a_standing_offer_enters_until_it_is_withdrawn():
    market = make_market(delivery="idle")
    offer = submit_sync(SetStandingOffer(market.seller.id, market.instrument.symbol, 1_000, 5))
    assert offer.status == 200
    row = StandingOffer.objects.get(organisation=market.seller)
    assert (row.price_ticks, row.quantity_lots, row.withdrawn_at) == (1_000, 5, None)
    start(market)
    market.buy(1_000, 2)
    auction = ended(market)
    (trade,) = Trade.objects.filter(instrument=market.instrument)
    assert (trade.price_ticks, trade.quantity_lots) == (1_000, 2)
    (news,) = entered(market)
    assert (news.standing_offer_id, news.entered_lots) == (offer.body["standing_offer_id"], 5)
    assert news.auction_id == public_id("auction", auction.id)
    sold = Order.objects.get(organisation=market.seller)
    assert (sold.time_in_force, sold.status, sold.cumulative_lots) == ("GFA", "canceled", 2)
    (listed,) = standing_offer_list(organisation_id=market.seller.id)
    assert listed.standing_offer_id == offer.body["standing_offer_id"]
    assert submit_sync(WithdrawStandingOffer(market.seller.id, row.id)).status == 200
    row.refresh_from_db()
    assert row.withdrawn_at is not None
    assert standing_offer_list(organisation_id=market.seller.id) == []


def test_idle_and_firm_capacity_are_counted_apart():
    market = make_market(delivery="idle", window_s=10)  # 1,000 µCU/s for 10 s: 100 lots
    firm = builders.instrument(of_class=market.instrument.compute_class, window_s=10).symbol
    assert market.sell(1_000, 100).status == 201
    assert market.sell(1_000, 100, instrument=firm).status == 201
    before = market.rows()
    for symbol in (market.instrument.symbol, firm):
        refused = market.sell(1_000, 1, instrument=symbol)
        assert refused.body["error"]["code"] == "insufficient_capacity"
    assert market.rows() == before


def test_an_order_that_would_trade_too_far_away_starts_an_auction():
    market = make_market(reference_ticks=1_000, volatility_ppm=50_000, volatility_auction_s=1)
    market.sell(1_051, 5)
    hasty = market.buy(1_100, 2, tif="IOC")
    assert (hasty.status, hasty.body["status"], hasty.body["reason"]) == (201, "canceled", "volatility")
    resting = market.buy(1_100, 2)
    assert (resting.body["status"], resting.body["trades"]) == ("open", [])
    auction = ended(market)
    assert (auction.kind, auction.reference_ticks, auction.price_ticks) == ("volatility", 1_000, 1_051)
    (trade,) = Trade.objects.filter(instrument=market.instrument)
    assert (trade.price_ticks, trade.quantity_lots, trade.auction_id) == (1_051, 2, auction.id)
    assert market.buy(1_100, 3).body["status"] == "filled"
