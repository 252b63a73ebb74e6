"""Every kind of order, previews, batches and filtered cancels over HTTP, through the typed client."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import rfc3339
from core.errors import Code
from core.ids import new_id, public_id
from cux.client import Client
from cux.wire.batches import BatchCancel, BatchNew, BatchReplace
from exchange.models import Command, Order
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import Market, make_market, wallet

FUNDS = 10_000_000_000


@pytest.fixture
def market(exchange) -> Market:
    """Return a market of the test's own."""
    return make_market()


@pytest.fixture
def buyer(exchange_url, market, key_of) -> Iterator[Client]:
    """Return a client of the buyer."""
    with Client(exchange_url, key_of(market.buyer).secret) as client:
        yield client


def new(market: Market, price_ticks: int, **other) -> BatchNew:
    """Return an order to buy one lot."""
    terms = {"instrument": market.instrument.symbol, "side": "buy", "quantity_lots": 1}
    return BatchNew(**terms | {"price_ticks": price_ticks} | other)


def test_orders_of_every_kind_are_taken(market, buyer):
    symbol = market.instrument.symbol
    in_an_hour = rfc3339((datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0))
    dated = buyer.order_place(
        symbol, "buy", quantity_lots=5, price_ticks=10, tif="GTD", expires_at=in_an_hour, display_lots=2
    )
    assert (dated.tif, dated.expires_at, dated.display_lots, dated.status) == ("GTD", in_an_hour, 2, "open")
    assert buyer.order_get(dated.order_id).expires_at == in_an_hour
    assert market.sell(100, 10).status == 201
    seller = public_id("organisation", market.seller.id)
    taken = buyer.order_place(
        symbol,
        "buy",
        type="market",
        tif="IOC",
        price_ticks=200,
        budget_nano_usd=250_000,
        only_providers=[seller],
    )
    assert (taken.cumulative_lots, taken.leaves_lots, taken.status) == (2, 0, "filled")
    assert [trade.is_selective for trade in taken.trades] == [True]
    short = buyer.order_place(
        symbol, "buy", tif="IOC", quantity_lots=20, price_ticks=100, all_or_none=True, stp="cancel_maker"
    )
    assert (short.status, short.reason, short.cumulative_lots) == ("canceled", "min_qty", 0)


def test_a_preview_says_what_an_order_would_come_to_and_changes_nothing(market, buyer):
    assert market.sell(100, 3).status == 201
    before, journaled = market.rows(), Command.objects.filter(organisation_id=market.buyer.id).count()
    seen = buyer.order_preview(market.instrument.symbol, "buy", quantity_lots=5, price_ticks=110)
    assert (seen.preview, seen.cumulative_lots, seen.leaves_lots) == (True, 3, 2)
    assert (seen.cost_nano_usd, seen.fee_nano_usd, seen.worst_case_nano_usd) == (300_000, 0, 550_000)
    assert market.rows() == before
    assert Command.objects.filter(organisation_id=market.buyer.id).count() == journaled
    placed = buyer.order_place(market.instrument.symbol, "buy", quantity_lots=5, price_ticks=110)
    assert (placed.cumulative_lots, placed.held_nano_usd) == (seen.cumulative_lots, seen.held_nano_usd)


def test_a_preview_is_refused_as_the_order_would_be(exchange, market, key_of):
    body = {
        "instrument": market.instrument.symbol,
        "side": "buy",
        "quantity_lots": 10**6,
        "price_ticks": 10_000,
    }
    headers = bearer(key_of(market.buyer).secret)
    for path in ("/v1/orders/preview", "/v1/orders"):
        assert_error(exchange.post(path, json=body, headers=headers), Code.INSUFFICIENT_BALANCE)


def test_each_item_of_a_batch_has_its_own_result(market, buyer):
    standing = buyer.order_place(market.instrument.symbol, "buy", quantity_lots=1, price_ticks=5)
    gone = public_id("order", new_id())
    results = buyer.order_batch(
        [
            new(market, 10, client_order_id="a"),
            new(market, 20_000),
            BatchCancel(order_id="nonsense"),
            BatchReplace(order_id=standing.order_id, price_ticks=6, quantity_lots=2),
            BatchCancel(client_order_id="a"),
            BatchCancel(order_id=gone),
            new(market, 11, only_providers=["me"]),
            new(market, 12),
        ]
    ).results
    assert [result.status for result in results] == [201, 422, 404, 200, 200, 404, 400, 201]
    codes = [result.body["error"]["code"] for result in results if result.status >= 400]
    assert codes == ["price_out_of_band", "unknown_order", "unknown_order", "invalid_field"]
    assert all(result.body["error"]["request_id"] for result in results if result.status >= 400)
    assert (results[3].body["price_ticks"], results[4].body["status"]) == (6, "canceled")
    open_orders = {(row.price_ticks, row.leaves_lots) for row in buyer.order_list(open_only=True)}
    assert open_orders == {(6, 2), (12, 1)}
    assert wallet(market.buyer) == (FUNDS, 24_000)


def test_a_batch_of_which_nothing_can_be_a_command_needs_no_sequencer(buyer):
    (result,) = buyer.order_batch([BatchCancel(order_id="nonsense")]).results
    assert (result.status, result.body["error"]["param"]) == (404, None)


def test_a_batch_is_decided_once_under_its_key(market, buyer):
    key = builders.unique("batch")
    first = buyer.order_batch([new(market, 10), new(market, 11)], idempotency_key=key)
    assert buyer.order_batch([new(market, 10), new(market, 11)], idempotency_key=key) == first
    assert Order.objects.filter(organisation=market.buyer).count() == 2


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([], "items"),
        ([{"op": "cancel", "client_order_id": "a"}] * 201, "items"),
        ([{"op": "x"}], "items[0].op"),
    ],
)
def test_a_batch_of_another_form_is_refused_whole(exchange, market, key_of, items, param):
    headers = bearer(key_of(market.buyer).secret)
    answer = exchange.post("/v1/orders/batch", json={"items": items}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_field")


def test_a_batch_costs_what_its_items_cost(exchange, market, key_of):
    key = key_of(market.buyer)
    key.key.order_limit, key.key.order_window_s = 3, 3_600
    key.key.save()
    item = {
        "op": "new",
        "instrument": market.instrument.symbol,
        "side": "buy",
        "quantity_lots": 1,
        "price_ticks": 1,
    }
    for number, status in ((4, 429), (2, 200), (2, 429), (1, 200)):
        answer = exchange.post(
            "/v1/orders/batch", json={"items": [item] * number}, headers=bearer(key.secret)
        )
        assert answer.status_code == status, answer.text
    assert Order.objects.filter(organisation=market.buyer).count() == 3


def test_cancels_are_filtered_by_side_and_by_prefix(exchange, market, buyer, key_of):
    symbol = market.instrument.symbol
    for price, own in ((1, "a-1"), (2, "a-2"), (3, "b-1")):
        buyer.order_place(symbol, "buy", quantity_lots=1, price_ticks=price, client_order_id=own)
    assert buyer.order_cancel_all(side="sell").canceled == []
    assert len(buyer.order_cancel_all(instrument=symbol, client_order_id_prefix="a-").canceled) == 2
    assert [row.client_order_id for row in buyer.order_list(open_only=True)] == ["b-1"]
    headers = bearer(key_of(market.buyer).secret)
    assert_error(exchange.delete("/v1/orders?side=both", headers=headers), Code.INVALID_FIELD, "side")
    assert len(buyer.order_cancel_all(side="buy").canceled) == 1
