"""The writer's loop around what falls due: a step that fails keeps nothing else from being done."""

from datetime import timedelta
from typing import Any

from exchange.sequencer import process
from exchange.sequencer.protocol import Tick
from exchange.sequencer.state import State
from tests.sequencer_memory import START

BAD, GOOD = ("dead_man", "bad"), ("dead_man", "good")


class Stub:
    """Fails whatever contains the bad step, as the database might."""

    is_cut_off = False

    def __init__(self) -> None:
        self.state = State()
        self.ran: list[Tick] = []
        self.recovered = 0
        for key in (BAD, GOOD):
            self.state.deadlines.set(key, START)

    def run(self, commands: list[Tick], now: Any) -> list[Any]:
        (tick,) = commands
        if BAD in tick.due:
            raise ValueError("bad step")
        self.ran.append(tick)
        for key in tick.due:
            self.state.deadlines.clear(key)
        return []

    def recover(self, now: Any) -> None:
        self.recovered += 1

    def suspend(self, key: Any, until: Any) -> None:
        self.state.deadlines.postpone(key, until)


def test_a_step_that_fails_is_put_off_alone():
    stub: Any = Stub()
    process._run_timers(stub, START)
    assert stub.ran == [Tick((GOOD,))]
    assert stub.recovered == 2
    assert stub.state.deadlines.first() == START + timedelta(minutes=1)
