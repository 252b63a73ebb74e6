"""The soak: its parts in turn, a unit at a time."""

import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from core.embedded.environment import embedded_servers
from tests.environment import VAR
from tests.soak.chaos import Chaos
from tests.soak.deliveries import Deliveries
from tests.soak.kills import Kills
from tests.soak.moments import Moments
from tests.soak.money import MoneySequences
from tests.soak.part import Part
from tests.soak.processes import Processes
from tests.soak.record import Found, commit_id, load
from tests.soak.supply import Supply

PARTS: tuple[Part, ...] = (Kills(), Moments(), Processes(), Supply(), Deliveries(), MoneySequences(), Chaos())


class Soak:
    """A soak that may be ended at any time; a unit counts once it has been checked."""

    def __init__(self, *, result_path: Path, only: str | None = None, anew: bool = False) -> None:
        """Take up what the result's file tells. `only`: the one part to go on with; `anew`: forget it."""
        self._result_path = result_path
        self._parts = [part for part in PARTS if only in (None, part.name)]
        self._commit = commit_id()
        self._record = load(result_path, self._commit)
        if anew:
            for part in self._parts:
                self._record.parts.pop(part.name, None)

    def run(self, *, minutes: float) -> int:
        """Go on until all is done or the minutes are over; return the exit status."""
        until = time.monotonic() + minutes * 60
        record = self._record
        with self._servers():
            for part in PARTS:
                if part.name not in record.parts:
                    record.parts[part.name] = Found(self._commit, part.planned)
            for part in self._parts:
                found = record.parts[part.name]
                if found.verdict == "unfinished" and time.monotonic() < until:
                    self._go_on(part, found, until)
        record.save(self._result_path)
        print(f"soak: {record.verdict}")
        return 1 if record.verdict == "failed" else 0

    def _go_on(self, part: Part, found: Found, until: float) -> None:
        """Check units of a part; one that fails ends the part for good, until another commit."""
        began = time.monotonic()
        try:
            with closing(part.units(found.done)) as units:
                for figures in units:
                    now = time.monotonic()
                    found.add(figures, now - began)
                    began = now
                    self._record.save(self._result_path)
                    print(f"{part.name}: {found.done}/{found.planned}", flush=True)
                    if now > until:
                        return
        except Exception as error:  # whatever it is: the next piece must not go on as if nothing were
            traceback.print_exc()
            found.failures.append(f"after {found.done}: {error}")
            self._record.save(self._result_path)  # at once: ending the servers may fail too

    @contextmanager
    def _servers(self) -> Iterator[None]:
        """Run PostgreSQL and Valkey."""
        with ExitStack() as running:
            for server in embedded_servers(VAR):
                server.start()
                running.callback(server.stop)
            running.callback(connections.close_all)
            call_command("migrate", database="owner", verbosity=0)
            yield
