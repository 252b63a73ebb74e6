"""Auctions, standing offers and resale over HTTP, through the typed client."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from core.errors import Code
from core.ids import new_id, public_id
from cux.client import Client
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import StartAuction
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import Market, make_market
from tests.waiting import eventually


@pytest.fixture
def market(exchange) -> Market:
    """Return an idle market of the test's own."""
    return make_market(delivery="idle")


@pytest.fixture
def buyer(exchange_url, market, key_of) -> Iterator[Client]:
    """Return a client of the buyer."""
    with Client(exchange_url, key_of(market.buyer).secret) as client:
        yield client


@pytest.fixture
def seller(exchange_url, market, key_of) -> Iterator[Client]:
    """Return a client of the seller."""
    with Client(exchange_url, key_of(market.seller).secret) as client:
        yield client


def start(market: Market) -> str:
    command = StartAuction(
        instrument=market.instrument.symbol,
        auction_id=new_id(),
        kind="scheduled",
        input_s=1,
        no_cancel_s=0,
        random_close_s=0,
        then_phase="continuous",
    )
    return str(submit_sync(command).body["auction_id"])


def test_an_auction_takes_a_standing_offer_and_is_shown_while_it_runs_and_after(market, buyer, seller):
    symbol = market.instrument.symbol
    offer = seller.standing_offer_set(symbol, price_ticks=1_000, quantity_lots=5)
    assert seller.standing_offer_list() == [offer]
    auction_id = start(market)
    assert market.buy(1_200, 5).status == 201
    running = buyer.auction_get(auction_id)
    assert (running.kind, running.ended_at, running.price_ticks) == ("scheduled", None, None)
    eventually(lambda: buyer.auction_get(auction_id).state == "done")
    ended = buyer.auction_get(auction_id)
    assert (ended.volume_lots, ended.surplus_lots, ended.indicative) == (5, 0, None)
    assert 1_000 <= ended.price_ticks <= 1_200
    assert [auction.auction_id for auction in buyer.auction_list(instrument=symbol)] == [auction_id]
    assert next(buyer.auction_list()).started_at >= ended.started_at


def test_auctions_come_in_pages(market, buyer):
    symbol, ids = market.instrument.symbol, []
    for _ in range(2):
        ids.append(start(market))
        eventually(lambda: buyer.auction_get(ids[-1]).state == "done")
    assert [row.auction_id for row in buyer.auction_list(instrument=symbol, page_size=1)] == ids[::-1]


def test_a_standing_offer_is_withdrawn_by_its_owner_alone(market, buyer, seller):
    offer = seller.standing_offer_set(market.instrument.symbol, price_ticks=1_000, quantity_lots=5)
    with pytest.raises(Exception, match="unknown_standing_offer"):
        buyer.standing_offer_withdraw(offer.standing_offer_id)
    assert seller.standing_offer_withdraw(offer.standing_offer_id).withdrawn_at is not None
    assert seller.standing_offer_list() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "param"),
    [
        ("GET", "/v1/auctions/auc_1", None, Code.NOT_FOUND, None),
        ("GET", f"/v1/auctions/{public_id('auction', UUID(int=1))}", None, Code.NOT_FOUND, None),
        ("GET", "/v1/auctions?instrument=no-such", None, Code.UNKNOWN_INSTRUMENT, "instrument"),
        ("GET", "/v1/auctions?cursor=AAAA", None, Code.INVALID_FIELD, "cursor"),
        ("DELETE", "/v1/standing-offers/sto_1", None, Code.UNKNOWN_STANDING_OFFER, None),
        ("PUT", "/v1/standing-offers", {"instrument": "no-such"}, Code.INVALID_FIELD, "price_ticks"),
        ("POST", "/v1/entitlements/ent_1/sell", {"price_ticks": 1, "quantity_lots": 1}, Code.NOT_FOUND, None),
        ("POST", "/v1/entitlements/ent_1/sell", {"price_ticks": 1}, Code.INVALID_FIELD, "quantity_lots"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    exchange, market, key_of, method, path, body, code, param
):
    headers = bearer(key_of(market.buyer).secret)
    assert_error(exchange.request(method, path, json=body, headers=headers), code, param)


@pytest.fixture
def spot(exchange) -> Market:
    """Return a spot market where the buyer has bought ten lots."""
    market = make_market()
    assert market.sell(2_000, 10).status == 201
    assert market.buy(2_000, 10).status == 201
    return market


def test_compute_is_sold_on_and_comes_back_when_the_offer_is_cancelled(exchange_url, spot, key_of):
    with Client(exchange_url, key_of(spot.buyer).secret) as client:
        (bought,) = client.entitlement_list(live_only=True)
        order = client.entitlement_sell(bought.entitlement_id, price_ticks=2_500, quantity_lots=4)
        assert (order.side, order.leaves_lots, order.status) == ("sell", 4, "open")
        (left,) = client.entitlement_list(live_only=True)
        assert left.available_ucu == 600
        assert client.order_cancel(order.order_id).status == "canceled"
        assert sum(row.available_ucu for row in client.entitlement_list(live_only=True)) == 1_000


def test_the_same_key_sells_once(exchange_url, spot, key_of):
    with Client(exchange_url, key_of(spot.buyer).secret) as client:
        (bought,) = client.entitlement_list(live_only=True)
        asked = {"price_ticks": 2_500, "quantity_lots": 4, "idempotency_key": builders.unique("sell")}
        first = client.entitlement_sell(bought.entitlement_id, **asked)
        assert client.entitlement_sell(bought.entitlement_id, **asked) == first
        assert len(list(client.order_list(open_only=True))) == 1


def test_nobody_sells_somebody_elses_compute(exchange_url, spot, key_of):
    with Client(exchange_url, key_of(spot.buyer).secret) as client:
        (bought,) = client.entitlement_list(live_only=True)
    stranger = builders.organisation("stranger")
    with Client(exchange_url, key_of(stranger).secret) as client, pytest.raises(Exception, match="not_found"):
        client.entitlement_sell(bought.entitlement_id, price_ticks=2_500, quantity_lots=4)
