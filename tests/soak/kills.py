"""SIGKILLs of the sequencer under load, at named points and at any moment, and of all of PostgreSQL."""

from collections.abc import Generator, Mapping

from core.embedded.postgres import Postgres
from tests.crash.checks import check
from tests.crash.kills import WITH_POSTGRES, Kill, carry_out, kills, running
from tests.crash.load import Load
from tests.environment import VAR
from tests.sequencer_process import sequencer

SEQUENCER_KILLS = 100
POSTGRES_KILLS = 10
SEED = 1
LONGEST = 500
"""Answers, or passes of a named point, until a kill."""


def plan() -> list[Kill]:
    """Return all kills: after every ten of the sequencer one of PostgreSQL."""
    of_sequencer = kills(SEQUENCER_KILLS, seed=SEED, longest=LONGEST)
    every = SEQUENCER_KILLS // POSTGRES_KILLS
    planned: list[Kill] = []
    for n in range(POSTGRES_KILLS):
        planned += [*of_sequencer[n * every : (n + 1) * every], Kill(WITH_POSTGRES, LONGEST // 2)]
    return planned


class Kills:
    """One kill after the other, each checked by the sequencer that comes after it."""

    name = "kills of the sequencer"
    planned = SEQUENCER_KILLS + POSTGRES_KILLS

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Kill, and check what the kill before has left."""
        postgres = Postgres(VAR)
        pending: tuple[Kill, Load] | None = None
        for kill in plan()[done:]:
            with running(kill) as process:
                if pending:
                    yield _checked(*pending)
                pending = (kill, carry_out(kill, process, postgres))
        if pending:
            with sequencer():
                yield _checked(*pending)


def _checked(kill: Kill, load: Load) -> dict[str, int]:
    findings = check(load)
    of_postgres = kill.where == WITH_POSTGRES
    return {
        "sequencer_kills": not of_postgres,
        "postgres_kills": of_postgres,
        "acknowledged_commands": findings.acknowledged,
        "lost": findings.lost,
        "doubled": findings.doubled,
        "astray_nano_usd": findings.astray_nano_usd,
        "states_equal_to_replay": 1,
        "ledgers_verified": 1,
    }
