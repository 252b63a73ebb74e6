"""Kill switches, tiers and resale among all other commands: holds follow each order's own fees, offers of
compute come back whole, and the blocked have nothing open."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.ledger.chart import Kind
from core.ids import new_id
from core.money import share_released
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import accounts
from exchange.sequencer.limits import Rates
from exchange.sequencer.money import Trade
from exchange.sequencer.resale import Lodged, Source
from exchange.sequencer.state import OrderState
from tests.property.sequencer_commands import (
    ODD,
    PLAIN,
    STEPS,
    TRADERS,
    Step,
    desk,
    take,
    trader,
)
from tests.property.test_sequencer_decisions import SEARCH, check_postings, check_recovery
from tests.sequencer_memory import START, Desk

TIERS = ("", "gold", "silver")
ENDS_AT = START + timedelta(hours=10)
PROVIDER = UUID(int=77)

TIER = st.builds(
    p.SetFeeTier,
    instrument=st.just("x"),
    tier=st.sampled_from(TIERS[1:]),
    maker_fee_ppm=st.just(0),
    taker_fee_ppm=st.sampled_from([0, 0, 500]),
)
JOIN = st.builds(
    p.SetAccount,
    organisation_id=trader,
    fee_tier=st.sampled_from(TIERS),
    max_open_orders=st.sampled_from([None, None, 2]),
    max_notional_nano_usd=st.sampled_from([None, None, 5_000]),
)
STOPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(p.SetAccount, organisation_id=trader, is_blocked=st.just(True)),
    st.builds(p.Kill, instrument=st.just("x")),
)
LET_GO = st.builds(p.SetPhase, instrument=st.just("x"), phase=st.just("continuous"))
LODGE = st.tuples(st.just("lodge"), trader, st.integers(1, 30), st.integers(5, 40), st.integers(0, 10_000))
BUY_ON = st.builds(
    p.NewOrder,
    organisation_id=trader,
    instrument=st.just("x"),
    side=st.just("buy"),
    tif=st.just("IOC"),
    price_ticks=st.integers(30, 60),
    quantity_lots=st.integers(1, 9),
    min_window_s=st.sampled_from([60, 60, 36_001]),
)
ANY = st.one_of(PLAIN, PLAIN, STEPS, LODGE, LODGE, *[BUY_ON] * 4, TIER, JOIN, STOPS, LET_GO, LET_GO)
SCENE = st.tuples(TIER, JOIN, LODGE, BUY_ON, BUY_ON, BUY_ON, PLAIN, PLAIN).map(list)
"""What a run begins with, lest resales be rare: a tier, its first account, an offer and buyers."""
RUNS = st.builds(
    list.__add__, SCENE, st.integers(0, 40).flatmap(lambda n: st.lists(ANY, min_size=n, max_size=n))
)


def lodge(at: Desk, who: UUID, ticks: int, quantity_lots: int, escrow: int) -> None:
    id, quantity = new_id(), quantity_lots * ODD.lot_ucu
    at.database.entitlements[id] = Lodged(
        id, ODD.id, who, PROVIDER, quantity, escrow, escrow // 7, ENDS_AT, used_ucu=0
    )
    at.decide(
        p.Lodge(
            organisation_id=who,
            entitlement_id=id,
            instrument="x",
            price_ticks=ticks,
            quantity_lots=quantity_lots,
            key=id.hex,
        )
    )


def check(at: Desk) -> None:
    held: defaultdict[UUID, int] = defaultdict(int)
    offered: defaultdict[UUID, int] = defaultdict(int)
    for order in at.state.orders.values():
        assert not at.state.terms_of(order.organisation_id).is_blocked
        if order.side == "buy":
            lot = order.limit_ticks * 7
            fee = -(-lot * max(order.maker_fee_ppm, order.taker_fee_ppm) // 1_000_000)
            assert order.held_nano_usd == order.leaves_lots * (lot + fee)
            held[order.organisation_id] += order.held_nano_usd
        elif order.entitlement_id is None:
            offered[order.organisation_id] += order.leaves_lots * ODD.lot_ucu
        else:
            assert at.state.lodged[order.entitlement_id].left_ucu >= order.leaves_lots * ODD.lot_ucu
    for id in TRADERS:
        wallet = at.state.wallets[id]
        assert (wallet.held, wallet.available >= 0) == (held[id], True)
        assert at.state.backings[id, "c"].offered_ucu == offered[id]
    selling = {order.entitlement_id for order in at.state.orders.values()} - {None}
    assert set(at.state.lodged) == selling


def check_shares(at: Desk) -> None:
    """What left an entitlement is its exact share, and compute and debt went the same way."""
    posted: defaultdict[Any, int] = defaultdict(int)
    for entry in at.changes.entries:
        for leg in entry.legs:
            posted[leg.debit.kind, leg.debit.entitlement_id] -= leg.amount
            posted[leg.credit.kind, leg.credit.entitlement_id] += leg.amount
    for id, given_in in at.database.entitlements.items():
        sold = -posted[Kind.ENTITLEMENT, id]
        assert posted[Kind.ISSUE, id] == sold
        share = share_released(given_in.escrow_nano_usd, 0, sold, given_in.quantity_ucu)
        assert posted[Kind.ESCROW, id] == -share
        assert given_in.left_ucu == given_in.quantity_ucu - sold


def check_run(steps: list[Step]) -> None:
    at = desk()
    for step in steps:
        if isinstance(step, tuple) and step[0] == "lodge":
            lodge(at, *step[1:])
        else:
            take(at, step)
        check(at)
    check_postings(at)
    check_shares(at)
    check_recovery(at)


@settings(max_examples=100, deadline=None)
@given(RUNS)
def test_operators_and_resale_leave_everything_exact(steps):
    check_run(steps)


def each_sale_alone(lodged: Lodged, amount_ucu: int) -> Source:
    """Each sale rounded for itself: the parts no longer sum to what was given."""
    escrow = lodged.escrow_nano_usd * amount_ucu // lodged.quantity_ucu
    lodged.used_ucu += amount_ucu
    return Source(lodged.id, lodged.provider_id, lodged.ends_at, escrow, 0)


def without_the_price(trade: Trade, wallet: Any, source: Source) -> Any:
    return RESALE_LEGS(trade, wallet, source)[1:]


RESALE_LEGS = Trade._resale_legs


def the_instruments_own(order: OrderState) -> Rates:
    return Rates(order.instrument.maker_fee_ppm, order.instrument.taker_fee_ppm)


def nothing_canceled(*_: object, **__: object) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("where", "name", "mutant"),
    [
        (Lodged, "take", each_sale_alone),
        (Trade, "_resale_legs", without_the_price),
        (OrderState, "rates", property(the_instruments_own)),
        (accounts, "_cancel_by_force", nothing_canceled),
    ],
)
def test_the_properties_see_a_wrong_rule(monkeypatch, where, name, mutant):
    monkeypatch.setattr(where, name, mutant)
    with pytest.raises((AssertionError, ValueError)):
        SEARCH(given(RUNS)(check_run))()
