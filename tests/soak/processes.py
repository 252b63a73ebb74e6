"""A thousand kills of web, worker, relay and beat under load (`tests/processes`)."""

import random
from collections.abc import Generator, Mapping

from tests.environment import VAR
from tests.processes.kills import TARGETS, check, kill_all, stack
from tests.processes.load import Load

KILLS = 1_000
ROUNDS = 10
"""Of a unit; each kills every target once."""


class Processes:
    """In each unit the whole of CUX is started, killed in parts, checked and stopped."""

    name = "kills of web, worker, relay and beat"
    planned = KILLS // (ROUNDS * len(TARGETS))

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Kill under load, and compare what stands with what was answered."""
        for unit in range(done, self.planned):
            numbers = random.Random(unit)
            with stack(VAR / "processes") as running:
                load = Load(running.market(lambda _line: None))
                with load.running():
                    for _ in range(ROUNDS):
                        kill_all(running, load, numbers)
                found = check(running, load)
                load.market.close()
            yield {"kills": ROUNDS * len(TARGETS), "ledgers_verified": 1, **found}
