"""Operators' commands on a real sequencer: their rows, and that a restart finds the same."""

import uuid

import pytest

from core.errors import Code, CuxError
from exchange.models import FeeTier, Instrument, Order, TradingAccount
from exchange.services.operators import account_set, fee_tier_set, instrument_kill
from tests.sequencer_market import journal, make_market, wallet


def test_limits_and_tiers_are_rows_and_a_retry_changes_nothing(exchange):
    market = make_market(taker_fee_ppm=1_000)
    tier = {"instrument": market.instrument.symbol, "tier": "gold", "maker_fee_ppm": 0, "key": "t"}
    assert fee_tier_set(**tier, taker_fee_ppm=100).status == 200
    asked = {
        "organisation_id": market.buyer.id,
        "is_blocked": False,
        "reason": "",
        "fee_tier": "gold",
        "max_open_orders": 1,
        "max_notional_nano_usd": 5_000_000,
    }
    first = account_set(**asked, key="a")
    assert first.status == 200
    assert account_set(**asked, key="a") == first
    row = TradingAccount.objects.values().get(organisation_id=market.buyer.id)
    assert row == asked
    rates = FeeTier.objects.values_list("tier", "maker_fee_ppm", "taker_fee_ppm")
    assert list(rates.filter(instrument=market.instrument)) == [("gold", 0, 100)]
    market.buy(1_000, 1)
    assert wallet(market.buyer)[1] == 1_000_100
    assert market.buy(999, 1).body["error"]["code"] == "too_many_open_orders"
    assert [command.kind for command in journal(market.buyer)] == ["fund", "set_account", "new", "new"]


def test_a_blocked_account_and_a_killed_instrument_stay_so(exchange):
    market = make_market()
    market.buy(900, 5)
    market.sell(1_000, 5)
    verdict = account_set(
        organisation_id=market.buyer.id,
        is_blocked=True,
        reason="odd",
        fee_tier="",
        max_open_orders=None,
        max_notional_nano_usd=None,
        key="b",
    )
    assert len(verdict.body["canceled"]) == 1
    assert instrument_kill(instrument=market.instrument.symbol, key="k").body["canceled"] == 1
    rows = Order.objects.filter(instrument=market.instrument).order_by("created_at")
    assert [(row.status, row.reason) for row in rows] == [
        ("canceled", "account_blocked"),
        ("canceled", "instrument_killed"),
    ]
    assert wallet(market.buyer) == (10_000_000_000, 0)
    assert Instrument.objects.get(id=market.instrument.id).phase == "halted"


def test_nobody_sets_what_an_account_that_is_not_there_may_do(exchange):
    with pytest.raises(CuxError) as refused:
        account_set(
            organisation_id=uuid.uuid4(),
            is_blocked=True,
            reason="",
            fee_tier="",
            max_open_orders=None,
            max_notional_nano_usd=None,
            key="x",
        )
    assert refused.value.code is Code.NOT_FOUND
