"""Every refusal has its own code, and nothing has moved."""

import json

import pytest

from core.errors import Code, CuxError
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelOrder, Defund, Fund, SetCapacity, SetPhase
from tests import builders
from tests.sequencer_market import journal, make_market

HUGE = 2**63

BUYS = [
    ("unknown_instrument", 404, {"instrument": "nothing"}),
    ("price_out_of_band", 422, {"price": 99}),
    ("price_out_of_band", 422, {"price": 10_001}),
    ("price_out_of_band", 422, {"price": -5}),
    ("quantity_out_of_range", 422, {"lots": 0}),
    ("quantity_out_of_range", 422, {"lots": -1}),
    ("quantity_out_of_range", 422, {"lots": 1_000_001}),
    ("number_too_large", 422, {"price": HUGE}),
    ("number_too_large", 422, {"lots": HUGE}),
    ("number_too_large", 422, {"price": 10_000, "lots": 2**53}),
    ("invalid_field", 400, {"price": None}),
    ("invalid_field", 400, {"expires_at": 2_000_000_000}),
    ("invalid_time_in_force", 422, {"min_lots": 1}),
    ("quantity_out_of_range", 422, {"display_lots": 2}),
    ("invalid_field", 400, {"client_order_id": "x" * 49}),
    ("invalid_field", 400, {"client_order_id": "a\x00b"}),
    ("invalid_field", 400, {"key": ""}),
    ("invalid_time_in_force", 422, {"price": None, "type": "market"}),
    ("invalid_time_in_force", 422, {"post_only": True, "tif": "IOC"}),
    ("post_only_would_take", 422, {"price": 3_000, "post_only": True}),
    ("insufficient_balance", 402, {"price": 2_000, "lots": 5_000}),
    ("duplicate_client_order_id", 409, {"client_order_id": "taken", "key": "another"}),
    ("duplicate_client_order_id", 409, {"client_order_id": "taken", "lots": 2, "key": "third"}),
]


@pytest.mark.parametrize(("code", "status", "change"), BUYS)
def test_refused_buy_moves_nothing(exchange, code, status, change):
    market = make_market(band=(100, 10_000))
    market.sell(3_000, 10)
    market.buy(100, 1, client_order_id="taken", key="first")
    before = market.rows()
    order = {"price": 1_000, "lots": 1} | change
    refused = market.buy(order.pop("price"), order.pop("lots"), **order)
    assert (refused.status, refused.body["error"]["code"]) == (status, code)
    assert set(refused.body["error"]) == {"type", "code", "message", "param"}
    assert market.rows() == before


@pytest.mark.parametrize(("code", "rate", "lots"), [("no_capacity", 0, 1), ("insufficient_capacity", 1, 865)])
def test_refused_sell_moves_nothing(exchange, code, rate, lots):
    market = make_market(rate_ucu_per_s=rate)
    before = market.rows()
    refused = market.sell(2_000, lots)
    assert (refused.status, refused.body["error"]["code"]) == (409, code)
    assert market.rows() == before


@pytest.mark.parametrize(
    ("code", "price", "lots"),
    [
        ("price_out_of_band", 10_001, 1),
        ("quantity_out_of_range", 1_000, 0),
        ("number_too_large", 1_000, HUGE),
        ("insufficient_balance", 10_000, 1_001),
        ("post_only_would_take", 3_000, 1),
    ],
)
def test_refused_replace_leaves_the_order_as_it_was(exchange, code, price, lots):
    market = make_market()
    market.sell(3_000, 10)
    resting = market.buy(1_000, 5, post_only=True)
    before = market.rows()
    assert market.replace(market.buyer, resting, price, lots).body["error"]["code"] == code
    assert market.rows() == before


def test_replaced_sell_must_stay_backed(exchange):
    market = make_market(rate_ucu_per_s=1)
    resting = market.sell(2_000, 864)
    before = market.rows()
    assert market.replace(market.seller, resting, 2_000, 865).body["error"]["code"] == "insufficient_capacity"
    assert market.rows() == before


def test_nobody_touches_orders_of_others(exchange):
    market = make_market()
    resting = market.buy(1_000, 5)
    before = market.rows()
    assert market.cancel(market.seller, resting).body["error"]["code"] == "unknown_order"
    assert market.replace(market.seller, resting, 1_000, 1).body["error"]["code"] == "unknown_order"
    assert submit_sync(CancelOrder(market.seller.id)).body["error"]["code"] == "unknown_order"
    assert market.rows() == before


def test_refused_movements_and_settings(exchange):
    stranger = builders.organisation().id
    for command, code in (
        (Fund(stranger, 0, "a"), Code.INVALID_FIELD),
        (Fund(stranger, HUGE, "b"), Code.NUMBER_TOO_LARGE),
        (Defund(stranger, 1, "c"), Code.INSUFFICIENT_BALANCE),
        (SetCapacity(stranger, "x", HUGE, 1), Code.NUMBER_TOO_LARGE),
        (SetCapacity(stranger, "x", 1, 1_000_001), Code.INVALID_FIELD),
        (SetPhase("nothing", "halted"), Code.UNKNOWN_INSTRUMENT),
    ):
        assert submit_sync(command).body["error"]["code"] == code.wire


def test_a_number_over_64_bits_does_not_reach_the_sequencer(exchange):
    market = make_market()
    with pytest.raises(CuxError) as refused:
        market.buy(2**64, 1)
    assert refused.value.code is Code.NUMBER_TOO_LARGE


def test_a_refusal_is_journaled_with_its_verdict(exchange):
    market = make_market()
    market.buy(1, 0)
    last = journal(market.buyer)[-1]
    assert (last.kind, json.loads(last.verdict)["status"]) == ("new", 422)
