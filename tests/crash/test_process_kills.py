"""Ten kills of each process under load, and nothing is lost or done twice; a thousand by `make soak`."""

import random
import shutil

import pytest

from config.processes import ROOT
from tests.processes.kills import check, kill_all, stack
from tests.processes.load import Load

SEED, ROUNDS = 4, 10

pytestmark = pytest.mark.timeout(300)


def test_web_worker_relay_and_beat_may_die_at_any_moment() -> None:
    var = ROOT / "var" / "kills"
    shutil.rmtree(var, ignore_errors=True)
    numbers = random.Random(SEED)
    with stack(var) as running:
        load = Load(running.market(lambda _line: None))
        with load.running():
            for _ in range(ROUNDS):
                kill_all(running, load, numbers)
        found = check(running, load)
        load.market.close()
    assert found["orders"] >= ROUNDS
    assert found["questions"] >= ROUNDS
