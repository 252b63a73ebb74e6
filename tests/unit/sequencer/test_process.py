"""The writer's loop around what falls due: a step that fails keeps nothing else from being done."""

from datetime import timedelta
from typing import Any

from exchange.sequencer import process
from exchange.sequencer.protocol import RunDue
from exchange.sequencer.state import State
from tests.sequencer_memory import START

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


def test_a_step_that_fails_is_put_off_alone():
    stub: Any = Stub()
    process._run_timers(stub, START)
    assert stub.ran == [RunDue((GOOD,))]
    assert stub.recovered == 2
    assert stub.state.deadlines.first() == START + timedelta(minutes=1)
