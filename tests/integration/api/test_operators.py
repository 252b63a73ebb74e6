"""Operators over REST: kill switches, phases, limits, fee tiers; and nobody else."""

from uuid import UUID

import pytest

from accounts.services import api_key_create
from core.errors import Code
from core.ids import public_id
from exchange.models import Order
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import make_market
from tests.waiting import eventually

NOBODY = UUID(int=0)
"""An id of nothing; the same in every worker, since it names tests."""


@pytest.fixture
def market(exchange):
    """Return a market of the test's own."""
    return make_market(maker_fee_ppm=1_000, taker_fee_ppm=10_000)


@pytest.fixture
def operator(db):
    """Return the header of an operator's key."""
    issued = api_key_create(organisation_id=builders.house().id, name="operator", scopes=["operate"])
    return bearer(issued.secret)


def open_orders(market):
    return Order.objects.filter(instrument=market.instrument, status="open").count()


def test_an_instrument_is_killed_and_let_trade_again(exchange, market, operator):
    assert market.buy(1_000, 1).status == 201
    body = {"instrument": market.instrument.symbol}
    killed = exchange.post("/v1/operator/kill", json=body, headers=operator)
    assert (killed.status_code, killed.json()) == (200, body | {"phase": "halted", "canceled": 1})
    assert open_orders(market) == 0
    assert market.buy(1_000, 1).status == 409
    again = body | {"phase": "continuous"}
    assert exchange.post("/v1/operator/phases", json=again, headers=operator).json() == again
    assert market.buy(1_000, 1).status == 201


def test_an_account_is_blocked_and_let_in_again(exchange, market, operator):
    assert market.buy(1_000, 1).status == 201
    path = f"/v1/operator/accounts/{public_id('organisation', market.buyer.id)}"
    rules = {"is_blocked": True, "reason": "runaway"}
    blocked = exchange.put(path, json=rules, headers=operator)
    assert blocked.status_code == 200, blocked.text
    assert (blocked.json()["is_blocked"], len(blocked.json()["canceled"])) == (True, 1)
    refused = market.buy(1_000, 1)
    assert (refused.status, refused.body["error"]["code"]) == (403, "account_blocked")
    assert exchange.put(path, json={"is_blocked": False}, headers=operator).json()["canceled"] == []
    assert market.buy(1_000, 1).status == 201


def test_an_account_gets_a_tier_of_fees(exchange, market, operator):
    tier = {
        "instrument": market.instrument.symbol,
        "tier": "gold",
        "maker_fee_ppm": 0,
        "taker_fee_ppm": 5_000,
    }
    assert exchange.put("/v1/operator/fee-tiers", json=tier, headers=operator).json() == tier
    path = f"/v1/operator/accounts/{public_id('organisation', market.buyer.id)}"
    rules = {"is_blocked": False, "fee_tier": "gold"}
    assert exchange.put(path, json=rules, headers=operator).json()["fee_tier"] == "gold"
    assert market.sell(1_000, 1).status == 201
    (trade,) = market.buy(1_000, 1).body["trades"]
    assert trade["fee_nano_usd"] == 5_000


def test_a_trade_is_undone_by_two_operators_and_not_by_one(exchange, market, operator):
    other = bearer(
        api_key_create(organisation_id=builders.house().id, name="other", scopes=["operate"]).secret
    )
    assert market.sell(1_000, 2).status == 201
    (trade,) = market.buy(1_000, 2).body["trades"]
    body = {"trade_id": trade["trade_id"], "reason": "typing error"}
    bust = exchange.post("/v1/operator/busts", json=body, headers=operator)
    assert (bust.status_code, bust.json()["busted_at"], bust.json()["quantity_lots"]) == (200, None, 2)
    path = f"/v1/operator/busts/{trade['trade_id']}/approve"
    assert_error(exchange.post(path, headers=operator), Code.SAME_OPERATOR)
    done = exchange.post(path, headers=other)
    assert done.status_code == 200, done.text
    assert done.json()["busted_at"] is not None
    assert done.json()["approved_by"] != done.json()["requested_by"]
    assert exchange.post(path, headers=other).json() == done.json()
    assert exchange.get("/v1/operator/busts", headers=other).json()["data"][0] == done.json()
    tape = exchange.get(f"/v1/instruments/{market.instrument.symbol}/trades").json()["data"]
    assert [row["is_busted"] for row in tape] == [True]


def test_surveillance_reports_a_period(exchange, market, operator):
    answer = exchange.get("/v1/operator/surveillance", headers=operator)
    assert (answer.status_code, type(answer.json()["data"])) == (200, list)
    for asked in (
        {"start": "2020-01-01T00:00:00Z"},
        {"start": "9999-12-31T23:59:59Z"},
        {"end": "0001-01-01T00:00:00Z"},
    ):
        (param,) = asked
        refused = exchange.get("/v1/operator/surveillance", params=asked, headers=operator)
        assert_error(refused, Code.INVALID_FIELD, param)


def test_a_halted_instrument_is_reopened_by_an_auction_started_once(exchange, market, operator):
    symbol = market.instrument.symbol
    exchange.post("/v1/operator/kill", json={"instrument": symbol}, headers=operator)
    steps = {"input_s": 1, "no_cancel_s": 0, "random_close_s": 0}
    body = {"instrument": symbol, "kind": "reopen", "then_phase": "continuous"} | steps
    headers = operator | {"Idempotency-Key": builders.unique("auction")}
    started = exchange.post("/v1/operator/auctions", json=body, headers=headers)
    assert started.status_code == 200, started.text
    assert exchange.post("/v1/operator/auctions", json=body, headers=headers).json() == started.json()
    auction = f"/v1/auctions/{started.json()['auction_id']}"
    eventually(lambda: exchange.get(auction).json()["state"] == "done")
    assert exchange.get(f"/v1/instruments/{symbol}").json()["phase"] == "continuous"


def test_a_repetition_under_its_key_is_the_same_answer(exchange, market, operator):
    headers = operator | {"Idempotency-Key": builders.unique("kill")}
    assert market.buy(1_000, 1).status == 201
    body = {"instrument": market.instrument.symbol}
    first = exchange.post("/v1/operator/kill", json=body, headers=headers)
    assert exchange.post("/v1/operator/kill", json=body, headers=headers).json() == first.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "param"),
    [
        ("POST", "kill", {"instrument": "no-such"}, Code.UNKNOWN_INSTRUMENT, "instrument"),
        ("POST", "kill", {}, Code.INVALID_FIELD, "instrument"),
        ("POST", "busts", {"trade_id": "trd_1", "reason": "x"}, Code.NOT_FOUND, "trade_id"),
        ("POST", "busts", {"trade_id": "trd_1", "reason": ""}, Code.INVALID_FIELD, "reason"),
        ("POST", f"busts/{public_id('trade', NOBODY)}/approve", None, Code.NOT_FOUND, None),
        ("POST", "phases", {"instrument": "x", "phase": "open"}, Code.INVALID_FIELD, "phase"),
        ("PUT", "accounts/nonsense", {"is_blocked": True}, Code.NOT_FOUND, None),
        (
            "PUT",
            f"accounts/{public_id('organisation', NOBODY)}",
            {"is_blocked": True},
            Code.NOT_FOUND,
            None,
        ),
    ],
)
def test_what_cannot_be_is_refused(exchange, operator, method, path, body, code, param):
    assert_error(exchange.request(method, f"/v1/operator/{path}", json=body, headers=operator), code, param)


def test_everybody_else_is_refused_and_nothing_moves(exchange, market, key_of):
    assert market.buy(1_000, 1).status == 201
    every_other = bearer(key_of(market.buyer, "read", "trade", "infer", "provide", "keys").secret)
    body = {"instrument": market.instrument.symbol}
    answer = exchange.post("/v1/operator/kill", json=body, headers=every_other)
    assert_error(answer, Code.MISSING_SCOPE, "scope")
    assert open_orders(market) == 1
