"""Seconds until the books are there again: from a million journaled commands, and from a snapshot.

    python -m benchmarks.recovery [--commands N]

Fills a journal in a PostgreSQL of its own (`var/bench`) with what an engine accepted of a seeded workload on
four instruments: orders, cancels and replaces around moving prices, with payloads and verdicts as long as
real ones. `recovery.full_s` plays all of it, as `manage.py exchange_replay` and a start without a snapshot
do; `recovery.snapshot_s` is what a start does: the newest snapshot and a tail of a tenth. Both end with the
books' hashes, which must be those of the engines that made the journal; each is the median of three runs,
once by the wall clock and once (`_cpu_s`) in seconds of this process's processor, where a busy machine
matters less.
The baseline plays the first tenth with Django's ORM, row by row, and is scaled to what the figure plays.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks import figure, fresh_servers

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

if TYPE_CHECKING:
    from exchange.engine import Engine
    from exchange.engine.protocol import Operation

SEED = 20_240_229
SYMBOLS = [f"class-{n}.spot" for n in range(4)]
LIVE = 4_000
"""Orders of an instrument among which cancels and replaces choose."""
PAYLOAD, VERDICT = "p" * 330, "v" * 520
"""As long as those of a new order."""
RUNS = 3


class Maker:
    """Makes operations that engines accept, and keeps the engines."""

    def __init__(self) -> None:
        from exchange.engine import Engine

        self.rng = random.Random(SEED)
        self.engines: dict[str, Engine] = {symbol: Engine() for symbol in SYMBOLS}
        self.middles = dict.fromkeys(SYMBOLS, 10_000.0)
        self.live: dict[str, list[str]] = {symbol: [] for symbol in SYMBOLS}

    def effects(self, number: int) -> bytes:
        """Return the journaled effects of one command."""
        from exchange.engine.events import Rejected
        from exchange.engine.protocol import apply

        while True:
            symbol = self.rng.choice(SYMBOLS)
            operation = self._operation(symbol, number)
            packed = msgspec.msgpack.encode([(symbol, operation)])
            if not isinstance(apply(self.engines[symbol], operation)[0], Rejected):
                return packed

    def _operation(self, symbol: str, number: int) -> "Operation":
        from exchange.engine.protocol import Cancel, Replace

        rng, live = self.rng, self.live[symbol]
        self.middles[symbol] += rng.uniform(-0.25, 0.25)
        middle = int(self.middles[symbol])
        draw = rng.random()
        if draw < 0.55 or not live:
            live.append(f"{number:032x}")
            return self._new(live[-1], middle)
        place = rng.randrange(len(live))
        if draw < 0.65 and len(live) < LIVE:
            return Replace(live[place], middle + rng.randint(-20, 20), rng.randint(1, 100))
        live[place], live[-1] = live[-1], live[place]
        return Cancel(live.pop())

    def _new(self, id: str, middle: int) -> "Operation":
        from exchange.engine.protocol import New

        rng = self.rng
        side, distance = rng.choice([("buy", -1), ("sell", 1)])
        return New(
            id=id,
            account=f"{rng.randrange(50):032x}",
            side=side,  # type: ignore[arg-type]
            tif=rng.choices(["GTC", "IOC", "FOK"], [90, 8, 2])[0],  # type: ignore[arg-type]
            price=middle + distance * rng.randint(-2, 40),
            qty=rng.randint(1, 100),
            stp="cancel_taker",
        )


def fill_journal(maker: Maker, numbers: range) -> None:
    """Copy commands of these numbers into the journal."""
    from django.db import connection

    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(
            "COPY exchange_command (sequence, kind, organisation_id, key, body_sha256, payload, verdict,"
            " effects, decided_at) FROM STDIN (FORMAT BINARY)"
        ) as copy,
    ):
        copy.set_types(["int8", "text", "uuid", "text", "bytea", "text", "text", "bytea", "timestamptz"])
        for row in journal_rows(maker, numbers):
            copy.write_row(row)


def journal_rows(maker: Maker, numbers: range) -> Iterator[tuple[object, ...]]:
    """Give the journal's rows."""
    from core.clock import utc_now
    from core.ids import new_id

    owner, now = new_id(), utc_now()
    for number in numbers:
        effects = maker.effects(number)
        yield number, "new", owner, f"key-{number}", bytes(32), PAYLOAD, VERDICT, effects, now


def recovered_hashes(from_snapshot: bool) -> dict[str, str]:
    """Recover and return the books' hashes."""
    from django.db import connection, transaction

    from exchange.sequencer.recovery import recovered

    with transaction.atomic():
        return hashes(recovered(connection.connection, from_snapshot=from_snapshot).engines)


def orm_hashes(commands: int) -> None:
    """The baseline: play commands with the ORM, one row at a time."""
    from exchange.engine import Engine
    from exchange.engine.protocol import apply
    from exchange.models import Command
    from exchange.sequencer.replay import Effects

    engines = {symbol: Engine() for symbol in SYMBOLS}
    for command in Command.objects.filter(sequence__lte=commands).order_by("sequence").iterator():
        assert command.effects is not None
        for symbol, operation in msgspec.msgpack.decode(command.effects, type=Effects):
            apply(engines[symbol], operation)
    hashes(engines)


def hashes(engines: dict[str, "Engine"]) -> dict[str, str]:
    """Return the hash of each book."""
    return {symbol: engine.state_hash() for symbol, engine in engines.items()}


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long the work takes by the wall clock, and on this process's processor."""
    wall_s, processor_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall_s, time.process_time() - processor_s


def checked_seconds(expected: dict[str, str], *, from_snapshot: bool) -> tuple[float, float]:
    """Return the median times of some recoveries, each of which must give these hashes."""

    def work() -> None:
        found = recovered_hashes(from_snapshot)
        assert found == expected, "the recovered books are not those that made the journal"

    walls_s, processors_s = zip(*(seconds(work) for _ in range(RUNS)), strict=True)
    return statistics.median(walls_s), statistics.median(processors_s)


def main() -> None:
    """Fill, recover, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", type=int, default=1_000_000)
    commands = parser.parse_args().commands
    tail = commands // 10
    with fresh_servers(VAR):
        from core.clock import utc_now
        from exchange.services.snapshot_take import snapshot_take

        maker = Maker()
        fill_journal(maker, range(1, commands - tail + 1))
        snapshot_take(now=utc_now(), every=1, at_most=commands)
        fill_journal(maker, range(commands - tail + 1, commands + 1))
        expected = hashes(maker.engines)
        orm = seconds(lambda: orm_hashes(tail))
        full = checked_seconds(expected, from_snapshot=False)
        snapshot = checked_seconds(expected, from_snapshot=True)
    for name, measured, scale in (("full", full, commands / tail), ("snapshot", snapshot, 1.0)):
        figure(f"recovery.{name}_s", measured[0], "s", orm[0] * scale)
        figure(f"recovery.{name}_cpu_s", measured[1], "s", orm[1] * scale)


if __name__ == "__main__":
    main()
