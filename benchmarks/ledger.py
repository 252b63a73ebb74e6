"""Figures of the ledger, each beside a baseline of the same run where there is one.

    python -m benchmarks.ledger [--only single batch …] [--rounds 3] [--entries 1000000]

Runs on embedded servers of its own (`var/bench`): fsync and synchronous commit on, every constraint, trigger
and index as in production, seeded. Clients are processes. Scenarios that are compared run in turn, so that
a busy machine hits all alike; a figure is the median of the rounds. The load average and what a transfer
took of the CPUs go to standard error. At the end the ledger is verified, whatever was asked for.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

from benchmarks import figure, fresh_servers
from benchmarks.cpu import cpu_seconds

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

CLIENTS = 8
BATCHERS = 2
SECONDS = 3.0
OPEN_RATE = 500.0


def rates(workloads: dict[str, tuple[str, int]], rounds: int) -> dict[str, float]:
    """Return the median rate of each: a workload, and how many clients do it. They take turns."""
    from benchmarks.ledger_clients import clients

    found: dict[str, list[float]] = {name: [] for name in workloads}
    used: dict[str, list[float]] = {name: [] for name in workloads}
    with ExitStack() as stack:
        groups = {count: stack.enter_context(clients(count)) for _, count in workloads.values()}
        for _ in range(rounds):
            for name, (workload, count) in workloads.items():
                before, start = _cpu(), time.perf_counter()
                found[name].append(groups[count].rate(workload, SECONDS))
                took = time.perf_counter() - start  # the warming up included, here and in the CPU's
                used[name].append(1e6 * (_cpu() - before) / (found[name][-1] * took))
    for name, measured in found.items():
        cost = statistics.median(used[name])
        _say(f"{name}: {[round(rate) for rate in measured]}/s, about {cost:.0f} µs of CPU each")
    return {name: statistics.median(measured) for name, measured in found.items()}


def measure_single(rounds: int) -> None:
    """Single transfers by 8 clients, beside the ORM's loop; and their latency at a steady rate."""
    from benchmarks.ledger_clients import clients

    compared = {"single": ("single", CLIENTS), "orm": ("orm", 1), "orm_8": ("orm", CLIENTS)}
    found = rates(compared, rounds)
    figure("ledger.single", found["single"], "transfers/s", found["orm"])
    figure("ledger.single_beside_8_orm_loops", found["single"], "transfers/s", found["orm_8"])
    with clients(CLIENTS) as group:
        latencies = [group.latencies_ms("single", OPEN_RATE, SECONDS) for _ in range(rounds)]
    for percent in (50, 99):
        value = statistics.median(row[len(row) * percent // 100] for row in latencies)
        figure(f"ledger.single_p{percent}_ms", value, f"ms at {OPEN_RATE:.0f}/s")


def measure_batch(rounds: int) -> None:
    """Batches of 500 by two clients, beside the same one item a call."""
    found = rates({name: (name, BATCHERS) for name in ("batch", "one_by_one", "uniform")}, rounds)
    figure("ledger.batch", found["batch"], "transfers/s", found["one_by_one"])
    figure("ledger.batch_without_holds", found["uniform"], "transfers/s", found["one_by_one"])


def measure_hot(rounds: int) -> None:
    """All through one fee account, beside pairs spread over all accounts."""
    found = rates({name: (name, CLIENTS) for name in ("hot", "single")}, rounds)
    figure("ledger.hot_ratio", found["hot"] / found["single"], "of the uniform rate")


def measure_receipts(rounds: int) -> None:
    """Usage receipts by two clients, 1,100 a call of which 100 are retries, beside one a call."""
    found = rates({name: (name, BATCHERS) for name in ("receipts", "receipts_one_by_one")}, rounds)
    figure("ledger.receipts", found["receipts"], "receipts/s", found["receipts_one_by_one"])


def measure_entries(entries: int) -> None:
    """What a transfer takes on disk with its entry and all indexes; how long verifying takes, all sealed."""
    from benchmarks.ledger_clients import clients
    from benchmarks.ledger_workloads import BATCH
    from billing.services.ledger_seal import ledger_seal
    from core.clock import utc_now

    size, count = _size()
    wanted = max(0, entries - count)
    start = time.perf_counter()
    with clients(BATCHERS) as group:
        group.done("uniform", -(-wanted // (BATCH * BATCHERS)))
    loaded_s = time.perf_counter() - start
    full_size, full_count = _size()
    _say(f"{full_count - count} entries loaded in {loaded_s:.0f} s")
    if full_count > count:
        figure("ledger.bytes", (full_size - size) / (full_count - count), "bytes/transfer")
    start = time.perf_counter()
    blocks = ledger_seal(now=utc_now())
    _say(f"{blocks} blocks sealed in {time.perf_counter() - start:.0f} s")
    figure("ledger.verify_s", _verify_s(), f"s for {full_count} entries")


def measure_restore() -> None:
    """How long a backup of what is there takes, and its return into an empty database, verified."""
    from django.conf import settings
    from django.db import connections

    from core.backup import backup_take, restore
    from core.clock import utc_now

    url, (_, count) = settings.ENVIRONMENT["DATABASE_OWNER_URL"], _size()
    start = time.perf_counter()
    backup = backup_take(directory=VAR / "backups", url=url, now=utc_now())
    figure("ledger.backup_s", time.perf_counter() - start, f"s for {count} entries")
    connections.close_all()
    start = time.perf_counter()
    restore(backup=backup, url=url, replace=True)
    restored_s = time.perf_counter() - start
    figure("ledger.restore_s", restored_s, f"s for {count} entries")
    figure("ledger.restore_and_verify_s", restored_s + _verify_s(), f"s for {count} entries")


def _size() -> tuple[int, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size('billing_transfer') + pg_total_relation_size('billing_entry'),"
            " (SELECT count(*) FROM billing_entry)"
        )
        size, count = cursor.fetchone() or (0, 0)
    return size, count


def _verify_s() -> float:
    from django.core.management import call_command

    out = StringIO()
    start = time.perf_counter()
    try:
        call_command("ledger_verify", stdout=out)
    except SystemExit:
        _say(out.getvalue())
        raise
    return time.perf_counter() - start


def _cpu() -> float:
    """Return the CPU seconds of this process and its children, the database's servers among them."""
    return cpu_seconds({"all": os.getpid()})["all"]


def _say(text: str) -> None:
    print(f"{text} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)


MEASURES: dict[str, Callable[[int], None]] = {
    "single": measure_single,
    "batch": measure_batch,
    "hot": measure_hot,
    "receipts": measure_receipts,
}


LAST = ("entries", "restore")
"""What needs the ledger full."""


def main() -> None:
    """Start servers of our own, migrate, measure, verify, stop."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=[*MEASURES, *LAST], default=[*MEASURES, *LAST])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--entries", type=int, default=1_000_000, help="verify this many")
    arguments = parser.parse_args()
    with fresh_servers(VAR):
        from benchmarks.ledger_workloads import fund

        fund()
        for name in arguments.only:
            if name in MEASURES:
                MEASURES[name](arguments.rounds)
        if not {*LAST} & {*arguments.only}:
            _verify_s()
            return
        measure_entries(arguments.entries)
        if "restore" in arguments.only:
            measure_restore()


if __name__ == "__main__":
    main()
