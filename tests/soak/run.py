"""The soak: one kill after the other, each checked by the sequencer that comes after it."""

import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from core.embedded.postgres import Postgres
from tests.crash.checks import check
from tests.crash.kills import WITH_POSTGRES, Kill, carry_out, kills, running
from tests.crash.load import Load
from tests.environment import VAR
from tests.sequencer_process import sequencer
from tests.soak.record import commit_id, load, save

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


class Soak:
    """A soak that may be ended at any time; a kill counts once what came after it is checked."""

    def __init__(self, *, state_path: Path, result_path: Path) -> None:
        """Take up what the state's file tells of this commit."""
        self._state_path = state_path
        self._result_path = result_path
        self._record = load(state_path, commit_id())
        self._plan = plan()
        self._postgres = Postgres(VAR)

    def run(self, *, minutes: float) -> int:
        """Kill and check until all is done or the minutes are over; return the exit status."""
        record = self._record
        if record.verdict(len(self._plan)) == "unfinished":
            record.pieces += 1
            with self._database():
                try:
                    self._piece(minutes)
                except Exception as error:  # whatever it is: the next piece must not go on as if nothing were
                    traceback.print_exc()
                    record.failures.append(f"after kill {record.kills + 1}: {error}")
            self._keep()
        print(f"soak: {record.verdict(len(self._plan))}, {record.kills} of {len(self._plan)} kills checked")
        return 1 if record.failures else 0

    def _piece(self, minutes: float) -> None:
        started = kept = time.monotonic()
        pending: tuple[Kill, Load] | None = None
        for kill in self._plan[self._record.kills :]:
            if time.monotonic() - started > minutes * 60:
                break
            with running(kill) as process:
                kept = self._check(pending, kept)
                pending = (kill, carry_out(kill, process, self._postgres))
        with sequencer():
            self._check(pending, kept)

    def _check(self, pending: tuple[Kill, Load] | None, kept: float) -> float:
        """Check what the last kill left, keep the state; return the time."""
        now = time.monotonic()
        if pending is None:
            return now
        kill, load = pending
        findings = check(load)
        now = time.monotonic()
        self._record.add(findings, of_postgres=kill.where == WITH_POSTGRES)
        self._record.seconds += now - kept
        self._keep()
        line = (
            f"{self._record.kills}/{len(self._plan)} {kill.where} {kill.n}: {findings.acknowledged} answers"
        )
        print(f"{line}, all there, once", flush=True)
        return now

    def _keep(self) -> None:
        save(self._state_path, asdict(self._record))
        save(self._result_path, self._record.result(len(self._plan)))

    @contextmanager
    def _database(self) -> Iterator[None]:
        """Run PostgreSQL, on new data when nothing was checked yet."""
        if not self._record.kills:
            self._postgres.stop()
            shutil.rmtree(VAR / "postgres", ignore_errors=True)
        self._postgres.start()
        try:
            call_command("migrate", database="owner", verbosity=0)
            yield
        finally:
            connections.close_all()
            self._postgres.stop()
