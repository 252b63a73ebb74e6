"""What must hold whatever is said to an engine."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.engine import Engine
from exchange.engine.events import Accepted, Canceled, Event, Replaced, Trade
from exchange.engine.protocol import Command, New, ResetDone, Session
from tests.property.engine_commands import ANYTHING, AUCTION, CONTINUOUS

COMMANDS = st.one_of(CONTINUOUS, ANYTHING, AUCTION)


def run(session: Session, commands: list[dict[str, Any]]) -> list[Sequence[Event | ResetDone]]:
    return [session.apply(msgspec.convert(command, Command)) for command in commands]


@settings(max_examples=100, deadline=None)
@given(COMMANDS)
def test_never_crossed_and_no_market_order_rests_in_continuous(commands) -> None:
    session = Session()
    for command in commands:
        run(session, [command])
        bids, asks = session.engine.depth(1)
        if session.engine.current_phase == "continuous":
            assert not (bids and asks and bids[0][0] >= asks[0][0])
            assert all(order.type == "limit" for order in session.engine.snapshot())


@settings(max_examples=100, deadline=None)
@given(COMMANDS)
def test_quantity_is_conserved(commands) -> None:
    """Accepted (or last replaced) = trades + canceled + open, for every order at any time."""
    session = Session()
    left: dict[str, int] = defaultdict(int)
    for command in commands:
        (events,) = run(session, [command])
        for event in events:
            match event:
                case Accepted(id):
                    left[id] = command["qty"]
                case Replaced(id, _, qty, _):
                    left[id] = qty
                case Trade(maker, taker, _, qty):
                    left[maker] -= qty
                    left[taker] -= qty
                case Canceled(id, qty, _):
                    left[id] -= qty
        assert {id: qty for id, qty in left.items() if qty} == {
            order.id: order.qty for order in session.engine.snapshot()
        }


@settings(max_examples=100, deadline=None)
@given(COMMANDS)
def test_no_fill_is_worse_than_a_limit(commands) -> None:
    session = Session()
    known: dict[str, New] = {}
    for command in commands:
        message = msgspec.convert(command, Command)
        for event in session.apply(message):
            if isinstance(event, Accepted):
                known[event.id] = message
            if isinstance(event, Trade):
                for order in (known[event.maker], known[event.taker]):
                    if order.type == "limit":
                        assert (
                            event.price <= order.price if order.side == "buy" else event.price >= order.price
                        )


@settings(max_examples=100, deadline=None)
@given(CONTINUOUS)
def test_a_taker_always_meets_the_best_price_and_the_oldest_order(commands) -> None:
    session = Session()
    for command in commands:
        before = session.engine.snapshot()
        (events,) = run(session, [command])
        met = list(
            dict.fromkeys(
                event.maker if isinstance(event, Trade) else event.id
                for event in events
                if isinstance(event, Trade) or (isinstance(event, Canceled) and event.reason != "user")
            )
        )
        makers = [order for order in before if order.id in met and order.id != command["id"]]
        sign = -1 if makers and makers[0].side == "buy" else 1
        makers.sort(key=lambda order: (sign * order.price, order.priority))
        assert [order.id for order in makers] == [id for id in met if id != command["id"]]


@settings(max_examples=60, deadline=None)
@given(COMMANDS)
def test_replay_gives_the_same_events_and_the_same_state(commands) -> None:
    first, second = Session(), Session()

    assert run(first, commands) == run(second, commands)
    assert first.engine.state_hash() == second.engine.state_hash()


@settings(max_examples=100, deadline=None)
@given(COMMANDS, st.data())
def test_snapshot_and_restore_between_two_commands_is_a_no_op(commands, data) -> None:
    cut = data.draw(st.integers(0, len(commands)))
    straight, broken = Session(), Session()
    run(straight, commands[:cut])
    run(broken, commands[:cut])

    broken.engine = Engine.restore(broken.engine.snapshot(), broken.engine.current_phase)

    assert broken.engine.state_hash() == straight.engine.state_hash()
    assert run(broken, commands[cut:]) == run(straight, commands[cut:])
    assert broken.engine.state_hash() == straight.engine.state_hash()
