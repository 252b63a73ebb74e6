"""Ways to end the exchange's processes in the middle of their work."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from core.embedded.postgres import Postgres
from exchange.sequencer.process import DATABASE_LOST
from tests.crash.checks import ENOUGH
from tests.crash.doomed import POINTS, program
from tests.crash.load import Load
from tests.sequencer_process import SEQUENCER, SequencerProcess, sequencer
from tests.waiting import eventually, is_alive

AT_ANY_MOMENT = "any moment"
WITH_POSTGRES = "postgres"
WITHIN_S = 60


@dataclass(frozen=True)
class Kill:
    """Where a sequencer ends: a named point, the n-th time; or when so many commands were answered."""

    where: str
    n: int

    @property
    def program(self) -> tuple[str, ...]:
        """Return the sequencer that will end so."""
        return program(self.where, self.n, signal.SIGKILL) if self.where in POINTS else SEQUENCER


def kills(number: int, *, seed: int, longest: int) -> list[Kill]:
    """Return kills at every point and at as many other moments, in turn, with n up to `longest`."""
    rng = random.Random(seed)
    places = [place for point in POINTS for place in (point, AT_ANY_MOMENT)]
    return [Kill(places[i % len(places)], rng.randint(1, longest)) for i in range(number)]


@contextmanager
def running(kill: Kill) -> Iterator[SequencerProcess]:
    """Run the sequencer that `carry_out` will end."""
    with sequencer(program=kill.program) as process:
        yield process


def carry_out(kill: Kill, process: SequencerProcess, postgres: Postgres) -> Load:
    """Put a load on the sequencer until the kill has ended it; return the load."""
    load = Load(is_timed=kill.n % 2 == 0)
    expected = -signal.SIGKILL
    with load.running():
        eventually(lambda: len(load.answers) >= ENOUGH, within_s=WITHIN_S)
        if kill.where in POINTS:
            process.send(signal.SIGUSR1)
        else:
            enough = len(load.answers) + kill.n
            eventually(lambda: len(load.answers) >= enough, within_s=WITHIN_S)
            if kill.where == WITH_POSTGRES:
                kill_postgres(postgres)
                expected = DATABASE_LOST
            else:
                process.send(signal.SIGKILL)
        exit_code = process.exit_code()
    assert exit_code == expected
    if kill.where == WITH_POSTGRES:
        connections.close_all()
        postgres.start()
    return load


def kill_postgres(postgres: Postgres) -> None:
    """SIGKILL the postmaster and every process it started, and wait until all are gone."""
    postmaster = postgres.pid()
    assert postmaster is not None
    family = [postmaster, *_children(postmaster)]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in family), within_s=WITHIN_S)


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in tasks.split()]
