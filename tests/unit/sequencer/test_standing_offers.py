"""Offers of idle capacity that enter each auction until they are withdrawn."""

from uuid import UUID

import pytest

from exchange.sequencer import protocol as p
from exchange.sequencer.risk import Backing
from tests.sequencer_memory import Desk
from tests.unit.sequencer.auction_desk import ANN, BOB, CY, code, desk_of, prices, start


@pytest.fixture
def desk() -> Desk:
    return desk_of()


def offer(desk: Desk, who: UUID, price: int, lots: int) -> p.Verdict:
    return desk.decide(p.SetStandingOffer(who, "x", price, lots))


@pytest.fixture
def idle() -> Desk:
    return desk_of(delivery="idle", window_s=100)


def told(desk: Desk) -> list[tuple[UUID, int]]:
    events = desk.changes.account_events
    return [(id, body["entered_lots"]) for id, kind, body in events if kind == "standing_offer"]


def test_standing_offers_enter_each_auction_until_withdrawn(idle):
    first = offer(idle, BOB, 1_100, 20)
    second = offer(idle, CY, 1_000, 10)
    for n in (1, 2):
        start(idle, auction_id=UUID(int=80 + n))
        assert told(idle)[-2:] == [(BOB, 20), (CY, 10)]
        assert {order.tif for order in idle.state.orders.values()} == {"GFA"}
        idle.order(ANN, "buy", 1_050, 4)
        idle.at(100 * n)
    assert prices(idle) == [(1_000, 4), (1_000, 4)]
    assert idle.state.orders == {}
    assert all(order.auction_id for order in idle.changes.orders.values())
    id = UUID(hex=first.body["standing_offer_id"].removeprefix("sto_"))
    assert code(idle.decide(p.WithdrawStandingOffer(CY, id))) == "unknown_standing_offer"
    withdrawn = idle.decide(p.WithdrawStandingOffer(BOB, id))
    assert withdrawn.body["withdrawn_at"] == "2026-01-02T00:03:20.000000Z"
    assert code(idle.decide(p.WithdrawStandingOffer(BOB, id))) == "unknown_standing_offer"
    start(idle, auction_id=UUID(int=90))
    assert told(idle)[-1] == (CY, 10)
    assert len(idle.state.orders) == 1
    assert second.body["withdrawn_at"] is None


def test_a_new_standing_offer_takes_the_place_of_the_old(idle):
    offer(idle, BOB, 1_100, 20)
    offer(idle, BOB, 1_200, 5)
    start(idle)
    assert [(o.price_ticks, o.leaves_lots) for o in idle.state.orders.values()] == [(1_200, 5)]
    assert [row.withdrawn_at is None for row in idle.changes.standing.values()] == [False, True]


def test_standing_offers_are_cut_to_what_capacity_backs(idle):
    idle.decide(p.SetCapacity(BOB, "c", 13, 500_000))
    idle.state.backings[BOB, "c"].offered_ucu = 10**6  # what is firm counts apart
    offer(idle, BOB, 1_100, 20)  # 13 µCU/s · ½ · 100 s = 650 µCU: six lots of 100
    idle.state.backings[CY, "c/idle"] = Backing()
    offer(idle, CY, 1_100, 20)
    start(idle)
    assert told(idle) == [(BOB, 6), (CY, 0)]
    assert [order.leaves_lots for order in idle.state.orders.values()] == [6]


def test_standing_offers_stay_out_where_their_account_may_not_trade(idle):
    offer(idle, BOB, 1_100, 20)
    blocked = p.SetAccount(organisation_id=BOB, is_blocked=True, reason="", fee_tier="", key="k")
    assert idle.decide(blocked).status == 200
    start(idle)
    assert (told(idle), idle.state.orders) == ([(BOB, 0)], {})


def test_standing_offers_keep_to_the_limits_of_orders():
    limits = {"max_notional_nano_usd": 20_000_000, "min_order_lots": 5}
    idle = desk_of(delivery="idle", window_s=100, reference_ticks=1_000, **limits)
    assert code(offer(idle, BOB, 1_001, 20)) == "notional_limit"
    assert code(offer(idle, BOB, 1_000, 4)) == "quantity_out_of_range"
    assert offer(idle, BOB, 1_000, 20).status == 200
    assert offer(idle, CY, 1_000, 20).status == 200
    idle.state.backings[CY, "c/idle"].offered_ucu = 99_600  # four lots are left of 1,000
    idle.state.markets["x"].reference_ticks = 1_001
    start(idle)
    assert told(idle) == [(BOB, 0), (CY, 0)]
    assert idle.state.orders == {}


def test_standing_offers_are_for_idle_capacity(desk, idle):
    assert code(offer(desk, BOB, 1_100, 20)) == "invalid_field"
    assert code(offer(idle, BOB, 99, 20)) == "price_out_of_band"
    assert idle.state.markets["x"].standing == {}
