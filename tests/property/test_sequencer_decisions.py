"""Any commands in any order: wallets, holds and offers always cover exactly what is open."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing.ledger.chart import Kind, of_organisation
from exchange.engine import Engine
from exchange.sequencer import protocol, snapshot
from exchange.sequencer import state as memory
from exchange.sequencer.replay import decode_effects, replay
from exchange.sequencer.state import OrderState
from tests.property.sequencer_commands import FUNDS, ODD, STEPS, TRADERS, Step, desk, take
from tests.sequencer_memory import Desk

RUNS = st.integers(0, 60).flatmap(lambda n: st.lists(STEPS, min_size=n, max_size=n + 10))


def price_and_fee(price_ticks: int, quantity_lots: int) -> int:
    """The rule once more, without looking at `risk`: the fee of a lot is rounded up, at the dearer rate."""
    lot = price_ticks * 7
    return quantity_lots * (lot + (lot * 777 + 999_999) // 1_000_000)


def check_run(steps: list[Step]) -> None:
    at = desk()
    for step in steps:
        before = {id: at.state.wallets[id].posted for id in TRADERS}
        if isinstance(step, protocol.NewOrder):
            check_preview(at, step)
        take(at, step)
        check_memory(at)
        if isinstance(step, protocol.NewOrder) and step.side == "buy":
            check_cost(step, before[step.organisation_id] - at.state.wallets[step.organisation_id].posted)
    check_postings(at)
    check_recovery(at)


def check_preview(at: Desk, order: protocol.NewOrder) -> None:
    """A preview leaves everything as it was."""
    changes = at.changes
    before = (at.state.state_hash(), len(changes.effects), len(changes.account_events), changes.steps)
    at.decide(protocol.Preview(order))
    assert (
        at.state.state_hash(),
        len(changes.effects),
        len(changes.account_events),
        changes.steps,
    ) == before


def check_memory(at: Desk) -> None:
    state, engine = at.state, at.state.markets["x"].engine
    held: defaultdict[UUID, int] = defaultdict(int)
    offered: defaultdict[UUID, int] = defaultdict(int)
    for order in state.orders.values():
        resting = engine.order(order.id.hex)
        assert resting is not None
        shown = (resting.qty, resting.price, resting.slice, resting.priority)
        assert shown == (order.leaves_lots, order.limit_ticks, order.slice_lots, order.priority)
        if order.side == "buy":
            assert order.held_nano_usd == price_and_fee(order.limit_ticks, order.leaves_lots)
            held[order.organisation_id] += order.held_nano_usd
        else:
            offered[order.organisation_id] += order.leaves_lots * ODD.lot_ucu
    for id in TRADERS:
        wallet = state.wallets[id]
        assert wallet.held == held[id]
        assert wallet.available >= 0
        assert state.backings[id, "c"].offered_ucu == offered[id]
    check_restored(state.orders, engine)


def check_restored(orders: dict[str, OrderState], engine: Engine) -> None:
    """What the rows of open orders say is enough to make the book again."""
    oldest_first = sorted(orders.values(), key=lambda order: order.priority)
    restored = Engine.restore((order.for_engine() for order in oldest_first), engine.current_phase)
    assert restored.state_hash() == engine.state_hash()


def check_recovery(at: Desk) -> None:
    """The effects give the book, in a way that lets it go on alike, from a snapshot taken anywhere too."""
    engine = at.state.markets["x"].engine
    journal = [msgspec.msgpack.encode([effect]) for effect in at.changes.effects]
    for cut in (0, len(journal) // 2, len(journal)):
        engines = {"x": Engine()}
        replay(map(decode_effects, journal[:cut]), engines)
        engines = snapshot.decode(snapshot.encode(engines))
        replay(map(decode_effects, journal[cut:]), engines)
        assert engines["x"].state_hash() == engine.state_hash()
        assert engines["x"].book() == engine.book()


def check_cost(order: protocol.NewOrder, paid_nano_usd: int) -> None:
    """An order never costs more than was asked to be at hand for it."""
    if order.budget_nano_usd is not None:
        assert paid_nano_usd <= order.budget_nano_usd
    else:
        limit = order.price_ticks or ODD.band_high_ticks
        assert paid_nano_usd <= price_and_fee(limit, order.quantity_lots or 0)


def check_postings(at: Desk) -> None:
    """What goes to the ledger adds up to what is in memory."""
    posted: defaultdict[Any, int] = defaultdict(int)
    for entry in at.changes.entries:
        for leg in entry.legs:
            posted[leg.debit] -= leg.amount
            posted[leg.credit] += leg.amount
    placed = {hold.hold_id: hold.amount for hold in at.changes.placements}
    for step in at.changes.steps:
        assert step.capture >= 0
        assert step.release >= 0
        placed[step.hold_id] -= step.capture + step.release
    open_holds = {order.hold_id: order.held_nano_usd for order in at.state.orders.values() if order.hold_id}
    assert {id: left for id, left in placed.items() if left} == open_holds
    for id in TRADERS:
        assert FUNDS + posted[of_organisation(Kind.WALLET, id)] == at.state.wallets[id].posted


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_wallets_holds_and_offers_are_exact(steps):
    check_run(steps)


def floor_the_fee(instrument: Any, price_ticks: int, quantity_lots: int, fee_ppm: Any = None) -> int:
    lot = instrument.notional_nano_usd(price_ticks, 1)
    return quantity_lots * (lot + lot * fee_ppm // 1_000_000)


def fee_of_the_whole(instrument: Any, price_ticks: int, quantity_lots: int, fee_ppm: Any = None) -> int:
    """Enough for one fill, not for many: what is held for the rest no longer adds up."""
    notional = instrument.notional_nano_usd(price_ticks, quantity_lots)
    return notional + -(-notional * fee_ppm // 1_000_000)


def only_what_shows(order: OrderState) -> int:
    return order.worst_case_nano_usd(order.limit_ticks, order.display_lots or order.leaves_lots)


def without_slice(order: OrderState) -> Any:
    operation = WHOLE(order)
    operation.slice = 0
    return operation


def without_the_youngest(engines: Mapping[str, Engine]) -> bytes:
    phase = engines["x"].current_phase
    return WRITTEN({"x": Engine.restore(engines["x"].snapshot()[:-1], phase)})


WRITTEN = snapshot.encode
WHOLE: Callable[[OrderState], Any] = OrderState.for_engine

MUTATIONS: list[tuple[Any, str, Any]] = [
    (memory, "worst_case_nano_usd", floor_the_fee),
    (memory, "worst_case_nano_usd", fee_of_the_whole),
    (OrderState, "needed_nano_usd", property(only_what_shows)),
    (OrderState, "for_engine", without_slice),
    (snapshot, "encode", without_the_youngest),
]


SEARCH = settings(
    max_examples=1_000,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("where", "name", "mutant"), MUTATIONS)
def test_the_properties_see_a_wrong_rule(monkeypatch, where, name, mutant):
    monkeypatch.setattr(where, name, mutant)
    with pytest.raises((AssertionError, ValueError)):
        SEARCH(given(RUNS)(check_run))()
