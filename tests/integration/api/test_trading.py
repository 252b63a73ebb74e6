"""Orders over HTTP."""

from typing import Any

import httpx
import pytest

from core.errors import Code
from core.ids import new_id, public_id
from exchange.models import Order
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import Market, make_market, wallet


@pytest.fixture
def market(exchange: httpx.Client) -> Market:
    """Return a market of the test's own: a buyer with $10, a seller with capacity."""
    return make_market()


def bid(market: Market, **other: Any) -> dict[str, Any]:
    """Return the body of an order to buy."""
    order = {"instrument": market.instrument.symbol, "side": "buy", "quantity_lots": 5, "price_ticks": 2_000}
    return order | other


def test_an_order_rests_is_shown_replaced_and_cancelled(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    placed = exchange.post("/v1/orders", json=bid(market, client_order_id="mine-1"), headers=key)
    assert placed.status_code == 201, placed.text
    order = placed.json()
    assert (order["status"], order["leaves_lots"], order["held_nano_usd"]) == ("open", 5, 10_000_000)

    shown = exchange.get(f"/v1/orders/{order['order_id']}", headers=key).json()
    assert (shown["order_id"], shown["usd_per_cu"]) == (order["order_id"], "20.00")
    by_own_id = exchange.get("/v1/orders", params={"client_order_id": "mine-1"}, headers=key).json()
    assert [row["order_id"] for row in by_own_id["data"]] == [order["order_id"]]
    book = exchange.get(f"/v1/instruments/{market.instrument.symbol}/book").json()
    assert (book["bids"], book["asks"], book["best_bid_usd_per_cu"]) == ([[2_000, 5]], [], "20.00")

    replaced = exchange.post(
        f"/v1/orders/{order['order_id']}/replace",
        json={"price_ticks": 1_000, "quantity_lots": 4},
        headers=key,
    )
    assert (replaced.status_code, replaced.json()["held_nano_usd"]) == (200, 4_000_000)
    cancelled = exchange.delete(f"/v1/orders/{order['order_id']}", headers=key)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "canceled")
    assert wallet(market.buyer) == (10_000_000_000, 0)


def test_a_trade_shows_on_tape_order_balance_and_entitlements(exchange, market, key_of):
    buyer = bearer(key_of(market.buyer).secret)
    assert market.sell(2_000, 5).status == 201
    bought = exchange.post("/v1/orders", json=bid(market), headers=buyer).json()
    assert (bought["status"], bought["cumulative_lots"]) == ("filled", 5)
    assert [trade["role"] for trade in bought["trades"]] == ["taker"]

    tape = exchange.get(f"/v1/instruments/{market.instrument.symbol}/trades").json()
    assert [(t["price_ticks"], t["quantity_lots"], t["usd_per_cu"]) for t in tape["data"]] == [
        (2_000, 5, "20.00")
    ]
    balance = exchange.get("/v1/balances", headers=buyer).json()
    assert (balance["available_nano_usd"], balance["available_usd"]) == (9_990_000_000, "9.99")
    assert balance["arriving_nano_usd"] == 1_000_000_000  # paid in, and not yet moved to the wallet
    held = exchange.get("/v1/entitlements", params={"status": "live"}, headers=buyer).json()["data"]
    assert [(row["quantity_ucu"], row["available_ucu"]) for row in held] == [(500, 500)]


def test_the_same_key_and_body_get_the_same_answer_and_one_order(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret) | {"Idempotency-Key": "again-1"}
    first, second = (exchange.post("/v1/orders", json=bid(market), headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert Order.objects.filter(organisation=market.buyer).count() == 1


def test_the_same_key_with_another_body_is_409_and_nothing_moved(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret) | {"Idempotency-Key": "again-2"}
    exchange.post("/v1/orders", json=bid(market), headers=key)
    before = market.rows()
    other = exchange.post("/v1/orders", json=bid(market, quantity_lots=6), headers=key)
    assert_error(other, Code.IDEMPOTENCY_KEY_REUSED)
    assert market.rows() == before


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"price_ticks": 20.5}, Code.PRICE_NOT_ON_TICK, "price_ticks"),
        ({"price_ticks": 10_001}, Code.PRICE_OUT_OF_BAND, "price_ticks"),
        ({"price_ticks": 2**63}, Code.NUMBER_TOO_LARGE, "price_ticks"),
        ({"price_ticks": "20"}, Code.INVALID_FIELD, "price_ticks"),
        ({"quantity_lots": 0}, Code.QUANTITY_OUT_OF_RANGE, "quantity_lots"),
        ({"quantity_lots": 2**31 + 1}, Code.QUANTITY_OUT_OF_RANGE, "quantity_lots"),
        ({"quantity_lots": 2**70}, Code.NUMBER_TOO_LARGE, "quantity_lots"),
        ({"instrument": "no-such"}, Code.UNKNOWN_INSTRUMENT, "instrument"),
        ({"side": "hold"}, Code.INVALID_FIELD, "side"),
        ({"organisation_id": "x"}, Code.INVALID_FIELD, "organisation_id"),
        ({"quantity_lots": 100_000}, Code.INSUFFICIENT_BALANCE, None),
        ({"side": "sell"}, Code.NO_CAPACITY, None),
    ],
)
def test_a_bad_order_is_refused_with_its_own_code_and_nothing_moved(
    exchange, market, key_of, change, code, param
):
    before = market.rows()
    answer = exchange.post(
        "/v1/orders", json=bid(market, **change), headers=bearer(key_of(market.buyer).secret)
    )
    assert_error(answer, code, param)
    assert market.rows() == before


def test_somebody_elses_order_is_404_like_an_unknown_one_and_stays(exchange, market, key_of):
    own = exchange.post("/v1/orders", json=bid(market), headers=bearer(key_of(market.buyer).secret)).json()
    stranger = bearer(key_of(builders.organisation("stranger")).secret)
    unknown = public_id("order", new_id())
    before = market.rows()
    for order_id in (own["order_id"], unknown):
        assert_error(exchange.get(f"/v1/orders/{order_id}", headers=stranger), Code.UNKNOWN_ORDER, "order_id")
        cancelled = exchange.delete(f"/v1/orders/{order_id}", headers=stranger)
        assert (cancelled.status_code, cancelled.json()["error"]["code"]) == (404, "unknown_order")
    assert exchange.delete("/v1/orders", headers=stranger).status_code == 200
    assert exchange.get("/v1/orders", headers=stranger).json()["data"] == []
    assert market.rows() == before


def test_cancel_all_takes_every_open_order_of_the_instrument(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    for price in (1, 2, 3):
        exchange.post("/v1/orders", json=bid(market, price_ticks=price), headers=key)
    answer = exchange.delete("/v1/orders", params={"instrument": market.instrument.symbol}, headers=key)
    assert answer.status_code == 200
    assert exchange.get("/v1/orders", params={"status": "open"}, headers=key).json()["data"] == []
    assert wallet(market.buyer) == (10_000_000_000, 0)


def test_orders_come_in_pages_without_gap_or_repetition(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    placed = [
        exchange.post("/v1/orders", json=bid(market, price_ticks=price), headers=key).json()["order_id"]
        for price in (1, 2, 3, 4, 5)
    ]
    seen, cursor = [], None
    while True:
        page = exchange.get(
            "/v1/orders", params={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=key
        ).json()
        seen += [row["order_id"] for row in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert seen == placed[::-1]
