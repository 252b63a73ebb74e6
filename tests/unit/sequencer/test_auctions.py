"""Call auctions from their start to their uncross, one price for all."""

from datetime import timedelta
from uuid import UUID

import pytest

from exchange.sequencer import protocol as p
from exchange.sequencer.auctions import AuctionKind, Periods, opened, volatility_periods
from exchange.sequencer.commands.auctions import refresh
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.auction_desk import ANN, AUCTION, BOB, CY, code, desk_of, phase, prices, start


@pytest.fixture
def desk() -> Desk:
    return desk_of()


def test_an_auction_goes_step_by_step_and_ends_in_one_price(desk):
    answer = start(desk)
    assert answer.body == {
        "auction_id": f"auc_{AUCTION.hex}",
        "kind": "scheduled",
        "state": "input",
        "price_ticks": None,
        "volume_lots": 0,
        "surplus_lots": 0,
        "no_cancel_at": "2026-01-02T00:00:20.000000Z",
        "closes_by": "2026-01-02T00:00:35.000000Z",
    }
    high, mid, low = (desk.order(ANN, "buy", price, 10) for price in (1_300, 1_200, 1_100))
    offers = [desk.order(BOB, "sell", 1_000, 10), desk.order(CY, "sell", 1_150, 8)]
    assert (phase(desk), prices(desk)) == ("auction", [])
    assert desk.at(19.999) == []
    desk.at(20)
    assert phase(desk) == "no_cancel"
    desk.at(30)
    running = desk.state.markets["x"].auction
    assert running is not None
    assert (running.state, phase(desk), prices(desk)) == ("random_close", "no_cancel", [])
    desk.at(35)
    assert phase(desk) == "continuous"
    assert prices(desk) == [(1_200, 10), (1_200, 8)]
    assert {trade.auction_id for trade in desk.changes.trades} == {AUCTION}
    assert desk.open(high) is None
    assert [desk.open(offer) for offer in offers] == [None, None]
    left = desk.open(mid)
    assert left is not None
    assert (left.leaves_lots, left.auction_id) == (2, AUCTION)
    assert desk.open(low) is not None
    done = desk.changes.auctions[AUCTION]
    assert (done.state, done.price_ticks, done.volume_lots, done.surplus_lots) == ("done", 1_200, 18, 2)
    assert done.ended_at == START + timedelta(seconds=35)
    assert desk.state.markets["x"].auction is None
    assert desk.state.deadlines.first() is None
    assert desk.state.markets["x"].reference_ticks == 1_200


def test_both_sides_pay_as_makers(desk):
    start(desk)
    desk.order(ANN, "buy", 1_000, 10)
    desk.order(BOB, "sell", 1_000, 10)
    desk.at(35)
    (trade,) = desk.changes.trades
    worth = 1_000 * 10 * 1_000
    assert trade.buyer_fee_nano_usd == trade.seller_fee_nano_usd == worth * 500 // 1_000_000
    assert desk.state.wallets[ANN].posted == 1_000_000_000 - worth - trade.buyer_fee_nano_usd
    assert desk.state.wallets[ANN].held == 0


def test_the_close_is_drawn_from_the_whole_random_close(desk):
    seen = set()
    for _ in range(200):
        auction = opened(
            id=AUCTION,
            instrument_id=UUID(int=1),
            kind="scheduled",
            reference_ticks=1,
            periods=Periods(20, 10, 5),
            then_phase="continuous",
            now=START,
        )
        auction.draw(START + timedelta(seconds=31))
        assert auction.drawn_at is not None
        assert START + timedelta(seconds=31) <= auction.drawn_at <= auction.closes_at
        seen.add((auction.drawn_at - START) // timedelta(seconds=1))
    assert seen >= {31, 32, 33, 34}
    auction.draw(START + timedelta(seconds=99))
    assert auction.drawn_at == START + timedelta(seconds=99)


def test_no_cancel_lets_orders_only_improve(desk):
    start(desk)
    bid, ask = desk.order(ANN, "buy", 1_000, 10), desk.order(BOB, "sell", 1_100, 10)
    orders = [desk.open(bid), desk.open(ask)]
    assert orders[0]
    assert orders[1]
    desk.at(20)
    before = desk.state.state_hash()
    assert code(desk.decide(p.CancelOrder(ANN, None, orders[0].id))) == "instrument_not_trading"
    assert desk.decide(p.CancelAll(ANN)).body == {"canceled": []}
    for order, who, price, lots in (
        (orders[0], ANN, 999, 10),
        (orders[0], ANN, 1_000, 9),
        (orders[1], BOB, 1_101, 10),
    ):
        refused = desk.decide(p.ReplaceOrder(who, None, order.id, price, lots))
        assert code(refused) == "may_only_improve"
    assert desk.state.state_hash() == before
    assert desk.decide(p.ReplaceOrder(ANN, None, orders[0].id, 1_050, 11)).status == 200
    assert desk.decide(p.ReplaceOrder(BOB, None, orders[1].id, 1_050, 10)).status == 200
    assert desk.order(CY, "buy", 1_049, 5).status == 201


def test_orders_for_the_auction_only_leave_with_it(desk):
    start(desk)
    bid = desk.order(ANN, "buy", 1_000, 10, tif="GFA")
    stays = desk.order(BOB, "buy", 990, 10)
    desk.order(CY, "sell", 1_000, 4)
    desk.at(35)
    row = desk.changes.orders[bid.body["order_id"].removeprefix("ord_")]
    assert (row.status, row.reason, row.cumulative_lots) == ("canceled", "auction", 4)
    assert desk.state.wallets[ANN].held == 0
    assert desk.open(stays) is not None
    assert code(desk.order(ANN, "buy", 1_000, 1, tif="GFA")) == "invalid_time_in_force"


def test_immediate_orders_find_no_match_in_an_auction(desk):
    start(desk)
    desk.order(BOB, "sell", 1_000, 4)
    before = desk.state.state_hash()
    for tif in ("IOC", "FOK"):
        assert code(desk.order(ANN, "buy", 1_000, 4, tif=tif)) == "invalid_time_in_force"
    assert desk.state.state_hash() == before


def test_an_account_that_meets_itself_is_marked_and_moves_no_reference(desk):
    market = desk.state.markets["x"]
    first = market.reference_ticks
    start(desk)
    desk.order(ANN, "buy", 1_000, 4)
    desk.order(ANN, "sell", 1_000, 4)
    desk.at(35)
    (trade,) = desk.changes.trades
    assert (trade.is_self, trade.is_printed) == (True, False)
    assert market.reference_ticks == first


def test_what_would_trade_is_told_whenever_it_changes(desk):
    start(desk)
    refresh(desk.changes)
    auction = desk.state.markets["x"].auction
    assert auction is not None
    desk.order(ANN, "buy", 1_000, 4)
    refresh(desk.changes)
    assert (auction.price_ticks, auction.volume_lots) == (None, 0)
    desk.changes.markets["x"].auction = None
    desk.order(BOB, "sell", 900, 6)
    refresh(desk.changes)
    assert desk.changes.markets["x"].auction is auction
    assert (auction.price_ticks, auction.volume_lots, auction.surplus_lots) == (900, 4, -2)
    desk.changes.markets["x"].auction = None
    desk.order(CY, "buy", 100, 1)
    refresh(desk.changes)
    assert desk.changes.markets["x"].auction is None


@pytest.mark.parametrize(
    ("kind", "from_phase", "then_phase", "periods", "expected"),
    [
        ("open", "pre_open", "continuous", (1, 0, 0), None),
        ("open", "closed", "continuous", (1, 0, 0), None),
        ("open", "continuous", "continuous", (1, 0, 0), "instrument_not_trading"),
        ("reopen", "halted", "continuous", (1, 1, 1), None),
        ("reopen", "cancel_only", "pre_open", (1, 1, 1), None),
        ("reopen", "continuous", "continuous", (1, 1, 1), "instrument_not_trading"),
        ("close", "continuous", "closed", (1, 0, 1), None),
        ("close", "continuous", "continuous", (1, 0, 1), "invalid_field"),
        ("close", "halted", "closed", (1, 0, 1), "instrument_not_trading"),
        ("scheduled", "halted", "continuous", (1, 0, 1), "instrument_not_trading"),
        ("scheduled", "closed", "continuous", (1, 0, 1), "instrument_not_trading"),
        ("scheduled", "pre_open", "pre_open", (1, 0, 1), None),
        ("scheduled", "pre_open", "halted", (1, 0, 1), "invalid_field"),
        ("volatility", "continuous", "continuous", (1, 0, 1), "instrument_not_trading"),
        ("scheduled", "continuous", "continuous", (0, 1, 1), "invalid_field"),
        ("scheduled", "continuous", "continuous", (1, -1, 1), "invalid_field"),
        ("scheduled", "continuous", "continuous", (86_400, 1, 0), "invalid_field"),
    ],
)
def test_which_auction_starts_from_where(desk, kind: AuctionKind, from_phase, then_phase, periods, expected):
    desk.decide(p.SetPhase("x", from_phase))
    before = desk.state.state_hash()
    input_s, no_cancel_s, random_close_s = periods
    verdict = start(
        desk,
        kind=kind,
        then_phase=then_phase,
        input_s=input_s,
        no_cancel_s=no_cancel_s,
        random_close_s=random_close_s,
    )
    if expected is None:
        assert (verdict.status, phase(desk)) == (200, "auction")
        desk.at(100)
        assert phase(desk) == then_phase
    else:
        assert code(verdict) == expected
        assert desk.state.state_hash() == before


def test_one_auction_at_a_time(desk):
    start(desk)
    before = desk.state.state_hash()
    assert code(start(desk, auction_id=UUID(int=78))) == "auction_running"
    assert code(desk.decide(p.SetPhase("x", "continuous"))) == "auction_running"
    assert desk.state.state_hash() == before


@pytest.mark.parametrize("second", [5, 25])
def test_an_auction_that_is_stopped_sells_nothing(desk, second):
    start(desk)
    own = desk.order(ANN, "buy", 1_000, 4, tif="GFA")
    desk.order(BOB, "sell", 900, 4)
    desk.at(second)
    assert desk.decide(p.SetPhase("x", "halted")).status == 200
    assert (phase(desk), prices(desk), desk.open(own)) == ("halted", [], None)
    done = desk.changes.auctions[AUCTION]
    assert (done.state, done.price_ticks, done.volume_lots) == ("done", None, 0)
    assert desk.state.wallets[ANN].held == 0
    assert desk.at(100) == []
    reopened = start(desk, kind="reopen", auction_id=UUID(int=78))
    assert reopened.status == 200


def test_an_instrument_that_is_killed_ends_its_auction(desk):
    start(desk)
    desk.order(ANN, "buy", 1_000, 4)
    desk.at(25)
    assert desk.decide(p.Kill("x")).body["canceled"] == 1
    assert (phase(desk), desk.state.orders) == ("halted", {})
    assert desk.at(100) == []


def test_what_is_sold_is_delivered_until_the_next_auction(desk):
    until = START + timedelta(seconds=120)
    start(desk, delivers_until=until)
    desk.order(ANN, "buy", 1_000, 4)
    desk.order(BOB, "sell", 900, 4)
    desk.at(35)
    (trade,) = desk.changes.trades
    assert trade.ends_at == until


def test_an_auction_too_late_to_deliver_sells_nothing(desk):
    start(desk, delivers_until=START + timedelta(seconds=120), then_phase="pre_open")
    own = desk.order(ANN, "buy", 1_000, 4, tif="GFA")
    stays = desk.order(BOB, "sell", 900, 4)
    desk.at(120)
    assert (phase(desk), prices(desk), desk.open(own)) == ("pre_open", [], None)
    assert desk.open(stays) is not None
    assert desk.changes.auctions[AUCTION].price_ticks is None


def test_interruptions_close_at_random_within_their_last_sixth():
    assert volatility_periods(30) == Periods(25, 0, 5)
    assert volatility_periods(1) == Periods(1, 0, 0)


def test_an_auction_too_late_to_deliver_leaves_no_market_stuck(desk):
    start(desk, delivers_until=START + timedelta(seconds=120))
    bid = desk.order(ANN, "buy", 1_000, 4)
    desk.order(BOB, "sell", 900, 4)
    desk.at(120)
    assert prices(desk) == []
    assert desk.changes.auctions[AUCTION].state == "done"
    assert phase(desk) == "pre_open"
    again = UUID(int=78)
    assert start(desk, auction_id=again, delivers_until=START + timedelta(seconds=240)).status == 200
    desk.at(155)
    assert (phase(desk), prices(desk), desk.open(bid)) == ("continuous", [(1_000, 4)], None)


def test_what_capacity_backs_no_more_is_not_sold_though_nobody_could_cancel(desk):
    start(desk)
    older, younger = desk.order(BOB, "sell", 1_000, 10), desk.order(BOB, "sell", 1_000, 10)
    desk.order(ANN, "buy", 1_000, 20)
    desk.at(20)
    fallen = p.SetCapacity(BOB, "c", 1, 1_000_000 * 1_500 // 86_400)
    assert desk.decide(fallen).body["canceled"] == []
    assert desk.open(younger) is not None
    desk.at(35)
    assert prices(desk) == [(1_000, 10)]
    assert [desk.open(each) for each in (older, younger)] == [None, None]
    ended = desk.changes.orders[younger.body["order_id"].removeprefix("ord_")]
    assert (ended.status, ended.reason, phase(desk)) == ("canceled", "capacity", "continuous")
    assert desk.state.backings[BOB, "c"].free_ucu(86_400) >= 0
