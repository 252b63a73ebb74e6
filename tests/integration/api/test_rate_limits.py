"""Limits of a key, counted once for all gateways, and what answers say about them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from accounts.models import Organisation
from accounts.services import api_key_create
from core.errors import Code
from exchange.models import Command, Order
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import Market, make_market

HOUR_S = 3_600


@pytest.fixture(scope="module")
def other_gateway(exchange_url: str):
    """Run a second web process on the same sequencer."""
    with web_process() as url:
        yield url


@pytest.fixture
def market(exchange: httpx.Client) -> Market:
    """Return a market of the test's own."""
    return make_market()


def key(owner: Organisation, order_limit: int, order_window_s: int = HOUR_S) -> dict[str, str]:
    """Return the header of a key that may place so many orders in so many seconds."""
    issued = api_key_create(
        organisation_id=owner.id,
        name="limited",
        scopes=["trade"],
        order_limit=order_limit,
        order_window_s=order_window_s,
    )
    return bearer(issued.secret)


def bid(market: Market, **other: Any) -> dict[str, Any]:
    """Return the body of an order to buy."""
    return {
        "instrument": market.instrument.symbol,
        "side": "buy",
        "quantity_lots": 1,
        "price_ticks": 1,
    } | other


def test_of_200_parallel_orders_at_a_limit_of_50_exactly_50_pass(exchange, other_gateway, market):
    headers, body = key(market.buyer, 50), bid(market)
    with httpx.Client(base_url=other_gateway, timeout=30) as other, ThreadPoolExecutor(64) as threads:
        gateways = [exchange, other] * 100
        answers = list(threads.map(lambda to: to.post("/v1/orders", json=body, headers=headers), gateways))
    assert Counter(answer.status_code for answer in answers) == {201: 50, 429: 150}
    assert Order.objects.filter(organisation=market.buyer).count() == 50
    passed = [answer for answer in answers if answer.status_code == 201]
    assert sorted(int(answer.headers["ratelimit-remaining"]) for answer in passed) == list(range(50))
    for answer in answers:
        assert answer.headers["ratelimit-limit"] == "50"
        if answer.status_code == 429:
            assert_error(answer, Code.RATE_LIMITED)
            assert 0 < int(answer.headers["retry-after"]) <= HOUR_S // 50


def test_64_identical_orders_with_one_client_order_id_are_one_with_64_equal_answers(
    exchange, other_gateway, market
):
    headers = key(market.buyer, 64)
    body = bid(market, client_order_id="only-one")
    with httpx.Client(base_url=other_gateway, timeout=30) as other, ThreadPoolExecutor(64) as threads:
        gateways = [exchange, other] * 32
        answers = list(threads.map(lambda to: to.post("/v1/orders", json=body, headers=headers), gateways))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Order.objects.filter(organisation=market.buyer).count() == 1


def test_a_cancel_costs_a_fifth_of_an_order(exchange, market):
    headers = key(market.buyer, 3)
    orders = [exchange.post("/v1/orders", json=bid(market), headers=headers).json() for _ in range(2)]
    for order in orders:
        exchange.delete(f"/v1/orders/{order['order_id']}", headers=headers)
    for _ in range(3):
        assert exchange.delete("/v1/orders", headers=headers).status_code == 200
    assert_error(exchange.delete("/v1/orders", headers=headers), Code.RATE_LIMITED)
    assert Order.objects.filter(organisation=market.buyer, status="canceled").count() == 2


def test_what_is_over_the_limit_is_not_journaled_and_moves_nothing(exchange, market):
    headers = key(market.buyer, 1)
    assert exchange.post("/v1/orders", json=bid(market), headers=headers).status_code == 201
    before, journaled = market.rows(), Command.objects.filter(organisation_id=market.buyer.id).count()
    assert_error(exchange.post("/v1/orders", json=bid(market), headers=headers), Code.RATE_LIMITED)
    assert market.rows() == before
    assert Command.objects.filter(organisation_id=market.buyer.id).count() == journaled


def test_each_key_has_its_own_limit(exchange, market):
    first, second = key(market.buyer, 1), key(market.buyer, 1)
    for headers in (first, second):
        answer = exchange.post("/v1/orders", json=bid(market), headers=headers)
        assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (201, "0")
        assert int(answer.headers["ratelimit-reset"]) in (HOUR_S, HOUR_S - 1)


@pytest.fixture
def slow(servers, db):
    """Return a client of a web process that answers each caller five times a second."""
    with web_process(CUX_REQUEST_LIMIT="5") as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client


def test_reads_are_counted_by_key_and_without_one_by_address(slow, market):
    headers = [bearer(api_key_create(organisation_id=market.buyer.id, name="k", scopes=["read"]).secret)]
    headers += [{}, bearer("sk_live_01234567_" + "a" * 43)]  # nobody, and somebody who makes keys up
    for who in headers:
        for path in ("/v1/instruments", "/v1/stream/market/no-such"):
            answers = []
            while len(answers) < 200 and not (answers and answers[-1].status_code == 429):
                answers.append(slow.get(path, headers=who))
            assert_error(answers[-1], Code.RATE_LIMITED)
            assert answers[-1].headers["retry-after"] == "1"
            assert {answer.headers["ratelimit-limit"] for answer in answers} == {"5"}
    assert slow.get("/healthz").status_code == 200
    assert "ratelimit-limit" not in slow.get("/login").headers
