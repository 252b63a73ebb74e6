"""Any commands in any order: wallets, holds and offers always cover exactly what is open."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.ledger.chart import Kind, of_organisation
from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.changes import Changes
from exchange.sequencer.commands import HANDLERS, Decider
from exchange.sequencer.replay import decode_effects, replay
from exchange.sequencer.risk import worst_case_nano_usd
from exchange.sequencer.state import Market, State
from tests.unit.sequencer.test_risk import instrument

TRADERS = [UUID(int=n) for n in (1, 2, 3)]
ODD = instrument(tick_nano_usd=7, maker_fee_ppm=333, taker_fee_ppm=777, band_low_ticks=1, band_high_ticks=60)
FUNDS = 60_000
NOW = datetime(2026, 1, 2, tzinfo=UTC)

trader = st.sampled_from(TRADERS)
price = st.integers(1, 61)
lots = st.integers(1, 40)
limits = st.builds(
    p.NewOrder,
    organisation_id=trader,
    instrument=st.just("x"),
    side=st.sampled_from(["buy", "sell"]),
    tif=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
    price_ticks=price,
    quantity_lots=lots,
    stp=st.sampled_from(["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]),
    post_only=st.booleans(),
)
markets = st.builds(
    p.NewOrder,
    organisation_id=trader,
    instrument=st.just("x"),
    side=st.sampled_from(["buy", "sell"]),
    type=st.just("market"),
    tif=st.sampled_from(["IOC", "FOK"]),
    quantity_lots=lots,
)
Step = p.Command | tuple[str, int, int, int]
steps: st.SearchStrategy[Step] = st.one_of(
    limits,
    markets,
    st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(0, 50), price, lots),
    st.builds(p.CancelAll, organisation_id=trader),
    st.builds(p.Defund, organisation_id=trader, amount_nano_usd=st.integers(1, 2_000), key=st.just("k")),
    st.builds(p.SetPhase, instrument=st.just("x"), phase=st.sampled_from(["continuous", "cancel_only"])),
)


class NothingElse:
    """There is no other instrument, and nothing is drawn."""

    def __init__(self, state: State) -> None:
        self.state = state

    def market(self, symbol: str) -> Market | None:
        return None

    def issued_ucu(self, provider_id: UUID, compute_class: str) -> int:
        return 0


def command_of(step: Step, state: State) -> p.Command | None:
    """Return a step's command; cancels and replacements choose among the open orders."""
    if not isinstance(step, tuple):
        return step
    kind, which, price_ticks, quantity_lots = step
    if not state.orders:
        return None
    order = list(state.orders.values())[which % len(state.orders)]
    if kind == "cancel":
        return p.CancelOrder(order.organisation_id, None, order.id)
    return p.ReplaceOrder(order.organisation_id, None, order.id, price_ticks, quantity_lots)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=60))
def test_wallets_holds_and_offers_are_exact(moves):
    state = State(markets={"x": Market(ODD, Engine())})
    for id in TRADERS:
        state.wallets[id].posted = FUNDS
        state.backings[id, "c"].rate_ucu_per_s, state.backings[id, "c"].tier_factor_ppm = 1, 100_000
    changes = Changes(NOW)
    decider = Decider(state, changes, NothingElse(state), HANDLERS)
    for step in moves:
        command = command_of(step, state)
        if command is not None:
            decider.decide(command)
        check_memory(state)
    check_postings(state, changes)
    engines = {"x": Engine()}
    replay([decode_effects(msgspec.msgpack.encode(changes.effects))], engines)
    assert engines["x"].state_hash() == state.markets["x"].engine.state_hash()


def check_memory(state: State) -> None:
    held: defaultdict[UUID, int] = defaultdict(int)
    offered: defaultdict[UUID, int] = defaultdict(int)
    for order in state.orders.values():
        resting = state.markets["x"].engine.order(order.id.hex)
        assert resting is not None
        assert (resting.qty, resting.price) == (order.leaves_lots, order.price_ticks)
        if order.side == "buy":
            assert order.held_nano_usd == worst_case_nano_usd(ODD, order.limit_ticks, order.leaves_lots)
            held[order.organisation_id] += order.held_nano_usd
        else:
            offered[order.organisation_id] += order.leaves_lots * ODD.lot_ucu
    for id in TRADERS:
        wallet = state.wallets[id]
        assert wallet.held == held[id]
        assert wallet.available >= 0
        assert state.backings[id, "c"].offered_ucu == offered[id]


def check_postings(state: State, changes: Changes) -> None:
    """What goes to the ledger adds up to what is in memory."""
    posted: defaultdict[Any, int] = defaultdict(int)
    for entry in changes.entries:
        for leg in entry.legs:
            posted[leg.debit] -= leg.amount
            posted[leg.credit] += leg.amount
    placed = {hold.hold_id: hold.amount for hold in changes.placements}
    for step in changes.steps:
        assert step.capture >= 0
        assert step.release >= 0
        placed[step.hold_id] -= step.capture + step.release
    open_holds = {order.hold_id: order.held_nano_usd for order in state.orders.values() if order.hold_id}
    assert {id: left for id, left in placed.items() if left} == open_holds
    for id in TRADERS:
        assert FUNDS + posted[of_organisation(Kind.WALLET, id)] == state.wallets[id].posted
