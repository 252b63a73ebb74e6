"""The writer's loop around what falls due: a step that fails keeps nothing else from being done."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from exchange.sequencer.protocol import Batch, CancelOrder, RunDue
from exchange.sequencer.server import Inbox, Item
from exchange.sequencer.state import State
from exchange.sequencer.writer import FULL_BATCH, Writer
from tests.sequencer_memory import START

BUYER = UUID(int=2)
BAD, GOOD = ("dead_man", "bad"), ("dead_man", "good")


class Stub:
    """Fails whatever contains the bad step, as the database might."""

    is_cut_off = False

    def __init__(self) -> None:
        self.state = State()
        self.ran: list[RunDue] = []
        self.recovered = 0
        for key in (BAD, GOOD):
            self.state.deadlines.set(key, START)

    def run(self, commands: list[RunDue], now: Any) -> list[Any]:
        (command,) = commands
        if BAD in command.due:
            raise ValueError("bad step")
        self.ran.append(command)
        for key in command.due:
            self.state.deadlines.clear(key)
        return []

    def recover(self, now: Any) -> None:
        self.recovered += 1

    def suspend(self, key: Any, until: Any) -> None:
        self.state.deadlines.postpone(key, until)


def test_a_batch_of_commands_is_full_by_their_items():
    inbox = Inbox()
    batch = Batch(BUYER, None, (CancelOrder(BUYER),) * 200)
    connection: Any = None
    inbox.put([Item(connection, n, batch, None) for n in range(7)])
    assert [[item.request_id for item in inbox.take(FULL_BATCH)] for _ in range(3)] == [
        [0, 1, 2, 3, 4],
        [5, 6],
        [],
    ]


def test_what_comes_after_the_stop_is_not_let_in():
    inbox = Inbox()
    connection: Any = None
    inbox.put([Item(connection, 0, CancelOrder(BUYER), None)])
    inbox.stop()
    inbox.put([Item(connection, 1, CancelOrder(BUYER), None)])
    assert [item.request_id for item in inbox.take(FULL_BATCH)] == [0]


def test_a_step_that_fails_is_put_off_alone():
    stub: Any = Stub()
    Writer(stub, Inbox(), lambda items, verdicts: None)._run_timers(START)
    assert stub.ran == [RunDue((GOOD,))]
    assert stub.recovered == 2
    assert stub.state.deadlines.first() == START + timedelta(minutes=1)
