"""Kill switches, limits and fee tiers: what they refuse, and that nothing moved."""

from uuid import UUID

import msgspec
import pytest

from core.money import BIGINT_MAX
from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.replay import decode_effects, replay
from tests.unit.sequencer.market import BUYER, FUNDS, SELLER, MemoryMarket, memory_market


@pytest.fixture
def x() -> MemoryMarket:
    return memory_market(reference_ticks=1_000)


def order_id(verdict: p.Verdict) -> UUID:
    return UUID(hex=verdict.body["order_id"].removeprefix("ord_"))


def replayed(x: MemoryMarket) -> str:
    engines = {"x": Engine()}
    replay([decode_effects(msgspec.msgpack.encode(x.decider.changes.effects))], engines)
    return engines["x"].state_hash()


def test_a_blocked_account_loses_its_orders_and_opens_no_other(x):
    resting = order_id(x.order(BUYER, "buy", 900, 10))
    x.order(SELLER, "sell", 1_100, 10)
    verdict = x.decide(p.SetAccount(organisation_id=BUYER, is_blocked=True, reason="asked by a court"))
    assert (verdict.status, verdict.body["canceled"]) == (200, [f"ord_{resting.hex}"])
    assert x.resting() == [("sell", 1_100, 10)]
    assert (x.state.wallets[BUYER].posted, x.state.wallets[BUYER].held) == (FUNDS, 0)
    assert x.decider.changes.orders[resting.hex].reason == "account_blocked"
    before = x.state.state_hash()
    verdict = x.order(BUYER, "buy", 900, 10)
    assert x.refused(verdict, "account_blocked", before)
    assert verdict.body["error"]["message"] == "This account may not trade: asked by a court."
    assert x.order(SELLER, "sell", 1_200, 1).status == 201
    x.decide(p.SetAccount(organisation_id=BUYER))
    assert x.order(BUYER, "buy", 900, 10).status == 201


@pytest.mark.parametrize("phase", ["halted", "no_cancel", "closed", "auction"])
def test_the_kill_switch_is_stronger_than_the_phase(x, phase):
    x.order(BUYER, "buy", 900, 10)
    x.decide(p.SetPhase("x", phase))
    x.decide(p.SetAccount(organisation_id=BUYER, is_blocked=True))
    assert x.resting() == []
    assert x.market.engine.current_phase == phase
    assert x.market.engine.state_hash() == replayed(x)


def test_a_blocked_account_may_cancel_and_not_replace(x):
    # Its orders go with the switch, so one is put back by hand.
    verdict = x.order(BUYER, "buy", 900, 10)
    x.state.terms[BUYER] = x.state.terms_of(BUYER).__class__(is_blocked=True)
    before = x.state.state_hash()
    replacement = p.ReplaceOrder(BUYER, None, order_id(verdict), 901, 5)
    assert x.refused(x.decide(replacement), "account_blocked", before)
    assert x.decide(p.CancelOrder(BUYER, None, order_id(verdict))).status == 200


def test_killing_an_instrument_cancels_everybodys_orders_and_halts(x):
    for price in (900, 901):
        x.order(BUYER, "buy", price, 10)
    x.order(SELLER, "sell", 1_100, 10)
    verdict = x.decide(p.Kill("x"))
    assert verdict.body == {"instrument": "x", "phase": "halted", "canceled": 3}
    assert x.resting() == []
    assert x.state.wallets[BUYER].held == 0
    assert x.state.backings[SELLER, "c"].offered_ucu == 0
    assert x.market.engine.state_hash() == replayed(x)
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 900, 1), "instrument_not_trading", before)
    assert x.decide(p.Kill("x")).body["canceled"] == 0


def test_open_orders_are_limited_by_the_instrument_and_otherwise_by_the_account():
    x = memory_market(max_open_orders=2)
    first = order_id(x.order(BUYER, "buy", 900, 1))
    x.order(BUYER, "buy", 901, 1)
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 902, 1), "too_many_open_orders", before)
    assert x.order(SELLER, "sell", 1_100, 1).status == 201  # each account has its own count
    assert x.order(BUYER, "buy", 902, 1, tif="IOC").status == 201  # it never rests
    assert x.decide(p.ReplaceOrder(BUYER, None, first, 899, 1)).status == 200
    x.decide(p.CancelOrder(BUYER, None, first))
    assert x.order(BUYER, "buy", 902, 1).status == 201
    x.decide(p.SetAccount(organisation_id=BUYER, max_open_orders=3))
    assert x.order(BUYER, "buy", 903, 1).status == 201
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 904, 1), "too_many_open_orders", before)


def test_an_order_is_worth_at_most_what_instrument_and_account_allow():
    x = memory_market(max_notional_nano_usd=90_000_000, reference_ticks=1_000)
    assert x.order(BUYER, "buy", 900, 100).status == 201  # 900 ticks · 100 lots · 1,000 nano-USD
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 901, 100), "notional_limit", before)
    x.decide(p.SetAccount(organisation_id=BUYER, max_notional_nano_usd=9_000_000))
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 900, 11), "notional_limit", before)
    assert x.order(BUYER, "buy", 900, 10).status == 201


def test_what_an_iceberg_hides_counts_too():
    x = memory_market(max_notional_nano_usd=90_000_000)
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 900, 101, display_lots=10), "notional_limit", before)
    assert x.order(BUYER, "buy", 900, 100, display_lots=10).status == 201


def test_a_sell_far_below_the_market_is_worth_the_market():
    x = memory_market(max_notional_nano_usd=100_000_000, reference_ticks=1_000)
    before = x.state.state_hash()
    assert x.refused(x.order(SELLER, "sell", 100, 101), "notional_limit", before)
    assert x.order(SELLER, "sell", 100, 100).status == 201


def test_replacing_does_not_get_around_the_limit():
    x = memory_market(max_notional_nano_usd=90_000_000)
    id = order_id(x.order(BUYER, "buy", 900, 100))
    before = x.state.state_hash()
    assert x.refused(x.decide(p.ReplaceOrder(BUYER, None, id, 900, 101)), "notional_limit", before)


def test_no_number_is_too_large_to_be_refused():
    x = memory_market(max_notional_nano_usd=90_000_000, max_order_lots=10**12, band_high_ticks=10**9)
    before = x.state.state_hash()
    assert x.refused(x.order(BUYER, "buy", 10**9, 10**12), "number_too_large", before)
    assert x.refused(x.order(BUYER, "buy", 10**6, 9 * 10**9), "notional_limit", before)


def test_a_tiers_fees_hold_for_orders_placed_under_it_and_for_no_other():
    x = memory_market(maker_fee_ppm=500, taker_fee_ppm=1_000)
    x.order(BUYER, "buy", 2_000, 10)  # before the tier: 10 · (2,000,000 + 2,000)
    assert x.state.wallets[BUYER].held == 20_020_000
    tier = p.SetFeeTier(instrument="x", tier="gold", maker_fee_ppm=0, taker_fee_ppm=100)
    assert x.decide(tier).body == {
        "instrument": "x",
        "tier": "gold",
        "maker_fee_ppm": 0,
        "taker_fee_ppm": 100,
    }
    assert x.decide(p.SetAccount(organisation_id=BUYER, fee_tier="gold")).status == 200
    assert x.state.wallets[BUYER].held == 20_020_000
    x.order(BUYER, "buy", 1_900, 10)  # under it: 10 · (1,900,000 + 190)
    assert x.state.wallets[BUYER].held == 20_020_000 + 19_001_900
    x.order(SELLER, "sell", 1_900, 20)
    first, second = x.decider.changes.trades
    assert (first.buyer_fee_nano_usd, first.seller_fee_nano_usd) == (10_000, 20_000)
    assert (second.buyer_fee_nano_usd, second.seller_fee_nano_usd) == (0, 19_000)
    assert (x.state.wallets[BUYER].posted, x.state.wallets[BUYER].held) == (FUNDS - 39_010_000, 0)


def test_a_taker_of_a_tier_pays_its_rate_rounded_half_to_even():
    x = memory_market(maker_fee_ppm=0, taker_fee_ppm=1_000, band_low_ticks=1)
    x.decide(p.SetFeeTier(instrument="x", tier="gold", maker_fee_ppm=0, taker_fee_ppm=500))
    x.decide(p.SetAccount(organisation_id=BUYER, fee_tier="gold"))
    x.order(SELLER, "sell", 1, 7)
    x.order(BUYER, "buy", 1, 5, tif="IOC")
    x.order(BUYER, "buy", 1, 2, tif="IOC")
    assert [trade.buyer_fee_nano_usd for trade in x.decider.changes.trades] == [2, 1]  # of 2.5 and 1.0


def test_what_cannot_be_set_is_refused_and_nothing_moved(x):
    x.decide(p.SetFeeTier(instrument="x", tier="gold", maker_fee_ppm=0, taker_fee_ppm=100))
    before = x.state.state_hash()
    for command, param in (
        (p.SetAccount(organisation_id=BUYER, fee_tier="silver"), "fee_tier"),
        (p.SetAccount(organisation_id=BUYER, max_open_orders=-1), "max_open_orders"),
        (p.SetAccount(organisation_id=BUYER, reason="x" * 201), "reason"),
        (p.SetFeeTier(instrument="x", tier="gold", maker_fee_ppm=0, taker_fee_ppm=1_001), "taker_fee_ppm"),
        (p.SetFeeTier(instrument="x", tier="gold", maker_fee_ppm=200, taker_fee_ppm=100), "taker_fee_ppm"),
        (p.SetFeeTier(instrument="x", tier="", maker_fee_ppm=0, taker_fee_ppm=0), "tier"),
    ):
        verdict = x.decide(command)
        assert x.refused(verdict, "invalid_field", before)
        assert verdict.body["error"]["param"] == param
    too_much = p.SetAccount(organisation_id=BUYER, max_notional_nano_usd=BIGINT_MAX + 1)
    assert x.refused(x.decide(too_much), "number_too_large", before)
    assert x.refused(x.decide(p.Kill("y")), "unknown_instrument", before)


def test_killing_an_instrument_ends_its_auction_without_an_uncross(x):
    auction = p.StartAuction(
        instrument="x",
        auction_id=UUID(int=70),
        kind="scheduled",
        input_s=60,
        no_cancel_s=0,
        random_close_s=0,
        then_phase="continuous",
        key="a",
    )
    assert x.decide(auction).status == 200
    x.order(BUYER, "buy", 1_100, 10)
    x.order(SELLER, "sell", 900, 10)
    assert x.decide(p.Kill("x")).body == {"instrument": "x", "phase": "halted", "canceled": 2}
    assert (x.market.auction, x.decider.changes.trades, x.resting()) == (None, [], [])
    assert x.market.engine.state_hash() == replayed(x)
