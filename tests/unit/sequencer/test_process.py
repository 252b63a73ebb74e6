"""The writer's loop around what falls due: a step that fails keeps nothing else from being done."""

from datetime import timedelta
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from exchange.sequencer import process
from exchange.sequencer.protocol import Batch, CancelOrder, RunDue
from exchange.sequencer.server import Item
from exchange.sequencer.state import State
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
    inbox: Any = SimpleQueue()
    batch = Batch(BUYER, None, (CancelOrder(BUYER),) * 200)
    for _ in range(7):
        inbox.put([Item(None, 0, batch, None)])
    assert [len(process._waiting(inbox, None)[0]) for _ in range(2)] == [5, 2]
    inbox.put(None)
    assert process._waiting(inbox, None) == ([], True)
    assert process._waiting(inbox, START) == ([], False)


def test_a_step_that_fails_is_put_off_alone():
    stub: Any = Stub()
    process._run_timers(stub, START)
    assert stub.ran == [RunDue((GOOD,))]
    assert stub.recovered == 2
    assert stub.state.deadlines.first() == START + timedelta(minutes=1)
