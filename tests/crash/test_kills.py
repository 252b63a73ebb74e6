"""SIGKILL under load, again and again: nothing acknowledged is lost, nothing is there twice."""

import pytest

from core.embedded.postgres import Postgres
from tests.crash.checks import check
from tests.crash.kills import WITH_POSTGRES, Kill, carry_out, kills, running
from tests.environment import VAR
from tests.sequencer_process import sequencer


@pytest.mark.parametrize("chosen", [slice(0, None, 2), slice(1, 8, 2)], ids=["at points", "at moments"])
def test_killing_the_sequencer_under_load_loses_and_doubles_nothing(db, chosen):
    load = None
    for kill in kills(12, seed=1, longest=25)[chosen]:
        with running(kill) as process:
            if load is not None:
                check(load)
            load = carry_out(kill, process, Postgres(VAR))
    with sequencer():
        assert load is not None
        check(load)


def test_killing_postgresql_under_load_loses_and_doubles_nothing(db):
    kill = Kill(WITH_POSTGRES, 200)
    with running(kill) as process:
        load = carry_out(kill, process, Postgres(VAR))
    with sequencer():
        check(load)
