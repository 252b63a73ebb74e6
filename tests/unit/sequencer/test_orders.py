"""What becomes of each kind of order, in memory: lots, money, and what its owner is told."""

from typing import Any
from uuid import UUID

import pytest

from core.ids import public_id
from exchange.sequencer import protocol as p
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.test_risk import instrument

ANN, BOB, CAT = UUID(int=2), UUID(int=3), UUID(int=4)
FUNDS = 1_000_000_000
SECOND = int(START.timestamp())


@pytest.fixture
def desk() -> Desk:
    """A lot costs a thousand nano-USD a tick; the taker pays 1,000 ppm."""
    return Desk(instrument(), ANN, BOB, CAT, funds=FUNDS, tier=1_000_000)


def levels(desk: Desk) -> tuple[list[Any], list[Any]]:
    return desk.state.markets["x"].engine.depth(5)


def test_an_iceberg_shows_its_slice_and_holds_all_of_its_money(desk):
    iceberg = desk.order(ANN, "buy", 1_000, 50, display_lots=20)
    assert iceberg.body["held_nano_usd"] == 50 * 1_001_000
    assert levels(desk)[0] == [(1_000, 20, 1)]
    desk.order(BOB, "sell", 1_000, 30)
    order = desk.open(iceberg)
    assert order is not None
    assert (order.leaves_lots, order.slice_lots, order.held_nano_usd) == (20, 10, 20 * 1_001_000)
    assert levels(desk)[0] == [(1_000, 10, 1)]
    restored = type(desk.state.markets["x"].engine).restore([order.for_engine()], "continuous")
    assert restored.state_hash() == desk.state.markets["x"].engine.state_hash()


def test_an_iceberg_cannot_be_replaced_by_one_of_too_many_slices(desk):
    iceberg = desk.order(ANN, "buy", 100, 5, display_lots=1)
    before = desk.state.state_hash()
    refused = desk.decide(p.ReplaceOrder(ANN, None, UUID(hex=order_hex(iceberg)), 100, 101))
    assert refused.body["error"]["code"] == "quantity_out_of_range"
    assert desk.state.state_hash() == before
    assert desk.decide(p.ReplaceOrder(ANN, None, UUID(hex=order_hex(iceberg)), 100, 100)).status == 200


def test_a_budget_buys_what_it_pays_for_with_the_fee(desk):
    desk.order(BOB, "sell", 1_000, 10)
    desk.order(BOB, "sell", 2_000, 10)
    bought = desk.order(ANN, "buy", None, None, type="market", tif="IOC", budget_nano_usd=20_000_000)
    assert (bought.status, bought.body["status"], bought.body["reason"]) == (201, "canceled", "budget")
    assert bought.body["cumulative_lots"] == 14  # ten for 10,010,000 and four for 8,008,000 nano-USD
    assert desk.state.wallets[ANN].posted == FUNDS - 18_018_000
    assert desk.state.wallets[ANN].held == 0


def test_a_budget_of_exactly_the_price_and_the_fee_buys_all_of_it(desk):
    desk.order(BOB, "sell", 2_000, 10)
    cost = 10 * 2_000 * 1_000 + 20_000
    short = desk.order(ANN, "buy", None, None, type="market", tif="IOC", budget_nano_usd=cost - 1)
    assert short.body["cumulative_lots"] == 9
    desk.order(BOB, "sell", 2_000, 9)
    exact = desk.order(ANN, "buy", None, None, type="market", tif="IOC", budget_nano_usd=cost)
    assert (exact.body["status"], exact.body["quantity_lots"]) == ("filled", 10)


def test_a_budget_holds_when_every_fee_is_rounded_up():
    """Each fill of a lot at a tick costs 0.6 nano-USD of fee, and pays 1: 1,001 for what is worth 1,000.6."""
    desk = Desk(instrument(taker_fee_ppm=600, band_low_ticks=1), ANN, BOB, funds=FUNDS, tier=1_000_000)
    for _ in range(10):
        desk.order(BOB, "sell", 1, 1)
    bought = desk.order(ANN, "buy", None, None, type="market", tif="IOC", budget_nano_usd=10_006)
    assert bought.body["cumulative_lots"] == 9
    assert desk.state.wallets[ANN].posted == FUNDS - 9 * 1_001


def test_a_budget_must_be_at_hand_and_cover_the_smallest_order(desk):
    desk.order(BOB, "sell", 100, 10)
    market = {"type": "market", "tif": "IOC"}
    dear = desk.order(ANN, "buy", None, None, **market, budget_nano_usd=FUNDS + 1)
    assert dear.body["error"]["code"] == "insufficient_balance"
    small = desk.order(ANN, "buy", None, None, **market, budget_nano_usd=100_099)
    assert (small.body["error"]["code"], small.body["error"]["param"]) == (
        "quantity_out_of_range",
        "budget_nano_usd",
    )
    assert not desk.changes.trades


def test_a_market_order_trades_no_further_than_its_protection(desk):
    desk.order(BOB, "sell", 1_000, 10)
    desk.order(BOB, "sell", 1_100, 10)
    bought = desk.order(ANN, "buy", 1_050, 15, type="market", tif="IOC")
    assert (bought.body["cumulative_lots"], bought.body["price_ticks"]) == (10, 1_050)
    assert bought.body["reason"] == "ioc"


@pytest.mark.parametrize("terms", [{"min_lots": 12}, {"all_or_none": True}])
def test_a_minimum_that_is_not_there_trades_nothing(desk, terms):
    resting = desk.order(BOB, "sell", 1_000, 10)
    missed = desk.order(ANN, "buy", 1_000, 15, tif="IOC", **terms)
    assert (missed.body["status"], missed.body["reason"]) == ("canceled", "min_qty")
    assert missed.body["min_lots"] == terms.get("min_lots", 15)
    assert desk.open(resting) is not None
    assert desk.state.wallets[ANN].available == FUNDS
    desk.order(CAT, "sell", 1_000, 5)
    got = desk.order(ANN, "buy", 1_000, 15, tif="IOC", **terms)
    assert got.body["status"] == "filled"


def test_a_choice_of_providers_passes_others_over_and_prints_nothing(desk):
    near = desk.order(BOB, "sell", 1_000, 10)
    desk.order(CAT, "sell", 1_200, 10)
    before = desk.state.markets["x"].reference_ticks
    bought = desk.order(ANN, "buy", 1_500, 4, tif="IOC", only_providers=(CAT,))
    (trade,) = bought.body["trades"]
    assert (trade["price_ticks"], trade["is_selective"]) == (1_200, True)
    assert desk.open(near) is not None
    assert desk.changes.trades[0].is_selective
    assert desk.state.markets["x"].reference_ticks == before
    ignored = desk.order(ANN, "buy", 1_500, 4, tif="IOC", ignore_providers=(CAT,))
    assert ignored.body["trades"][0]["price_ticks"] == 1_000


@pytest.mark.parametrize(
    ("stp", "taken_off", "left"),
    [
        ("cancel_taker", [("taker", 8)], (5, 0)),
        ("cancel_maker", [("maker", 5)], (0, 8)),
        ("cancel_both", [("maker", 5), ("taker", 8)], (0, 0)),
        ("decrement", [("maker", 5), ("taker", 5)], (0, 3)),
    ],
)
def test_what_self_trade_prevention_took_off_is_told(desk, stp, taken_off, left):
    maker = desk.order(ANN, "sell", 1_000, 5)
    taker = desk.order(ANN, "buy", 1_000, 8, stp=stp)
    ids = {"maker": maker.body["order_id"], "taker": taker.body["order_id"]}
    told = [{"order_id": ids[who], "quantity_lots": lots} for who, lots in taken_off]
    assert taker.body["prevented"] == told
    both = [desk.open(maker), desk.open(taker)]
    assert tuple(order.leaves_lots if order else 0 for order in both) == left
    events = [body for _, kind, body in desk.changes.account_events if kind == "order"]
    assert [body.get("prevented") for body in events if body["order_id"] == ids["taker"]] == [told]
    ended = {body["order_id"]: body.get("reason") for body in events if body["status"] == "canceled"}
    assert set(ended.values()) <= {"stp", "decrement"}
    assert not desk.changes.trades


def test_orders_expire_at_their_moment_even_in_a_halted_book(desk):
    timed = desk.order(ANN, "buy", 1_000, 5, tif="GTD", expires_at=SECOND + 10)
    day = desk.order(ANN, "buy", 1_000, 5, tif="DAY")
    assert timed.body["expires_at"] == "2026-01-02T00:00:10.000000Z"
    assert day.body["expires_at"] == "2026-01-03T00:00:00.000000Z"
    desk.decide(p.SetPhase("x", "halted"))
    assert desk.at(9.9) == []
    assert [ran.body["done"] for ran in desk.at(10)] == [[("expiry", order_hex(timed))]]
    assert (desk.open(timed), desk.open(day) is None) == (None, False)
    last = desk.changes.account_events[-1][2]
    assert (last["status"], last["reason"], last["held_nano_usd"]) == ("expired", "expired", 0)
    desk.at(86_400)
    assert desk.open(day) is None
    assert desk.state.wallets[ANN].available == FUNDS


def test_an_order_that_ends_early_expires_no_more(desk):
    timed = desk.order(ANN, "buy", 1_000, 5, tif="GTD", expires_at=SECOND + 10)
    desk.decide(p.CancelOrder(ANN, None, UUID(hex=order_hex(timed))))
    assert desk.at(10) == []


def test_an_auction_order_waits_for_an_auction(desk):
    refused = desk.order(ANN, "buy", 1_000, 5, tif="GFA")
    assert refused.body["error"]["code"] == "invalid_time_in_force"
    desk.decide(p.SetPhase("x", "auction"))
    placed = desk.order(ANN, "buy", None, 5, tif="GFA", type="market")
    assert (placed.body["status"], placed.body["tif"]) == ("open", "GFA")
    assert placed.body["held_nano_usd"] == 5 * 5_005_000
    desk.decide(p.SetPhase("x", "continuous"))
    assert desk.open(placed) is None
    assert desk.changes.account_events[-1][2]["reason"] == "auction"


def test_a_kind_that_is_switched_off_changes_nothing(desk):
    desk.decider.disabled = frozenset({"iceberg"})
    before = desk.state.state_hash()
    refused = desk.order(ANN, "buy", 1_000, 5, display_lots=1)
    assert refused.body["error"]["code"] == "order_kind_disabled"
    assert desk.state.state_hash() == before
    assert desk.order(ANN, "buy", 1_000, 5).status == 201


def order_hex(verdict: p.Verdict) -> str:
    hex_id = str(verdict.body["order_id"]).removeprefix("ord_")
    assert public_id("order", UUID(hex=hex_id)) == verdict.body["order_id"]
    return hex_id


def test_nothing_leaves_an_auction_by_its_time_once_cancels_are_over(desk):
    early = desk.order(ANN, "buy", 1_000, 5, tif="GTD", expires_at=SECOND + 30)
    late = desk.order(ANN, "buy", 1_000, 5, tif="GTD", expires_at=SECOND + 31)
    desk.decide(
        p.StartAuction(
            instrument="x",
            auction_id=UUID(int=9),
            kind="scheduled",
            input_s=10,
            no_cancel_s=10,
            random_close_s=10,
            then_phase="continuous",
        )
    )
    desk.at(9)
    assert desk.order(ANN, "buy", 1_000, 1, tif="GTD", expires_at=SECOND + 12).status == 201
    desk.at(10)
    assert desk.open(early) is None
    assert desk.changes.orders[order_hex(early)].status == "expired"
    assert [order.id.hex for order in desk.state.orders_of(ANN, None)] == [order_hex(late)]
    refused = desk.order(ANN, "buy", 1_000, 1, tif="GTD", expires_at=SECOND + 30)
    assert refused.body["error"]["param"] == "expires_at"
    assert desk.order(ANN, "buy", 1_000, 1, tif="GTD", expires_at=SECOND + 31).status == 201
