"""The processes that `benchmarks.orders` measures, as `config.processes` starts them, with a market."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.processes import ROOT, Place, all_processes
from core.supervisor.process import Process, Run

_START_WITHIN_S = 60.0
_ORDER_LIMIT = 1_000_000


@dataclass(frozen=True)
class Trader:
    """An organisation that trades, and the secret of its key."""

    organisation_id: uuid.UUID
    secret: str


@dataclass(frozen=True)
class Stack:
    """What runs: the addresses, and the pid of each process by its name."""

    port: int
    baseline_port: int
    pids: dict[str, int]


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(var: Path) -> Iterator[Stack]:
    """Run sequencer, web and the baseline's server beside the database that runs already."""
    from core.embedded.postgres import Postgres

    place = Place(var, free_port(), free_port())
    described = {process.name: process for process in all_processes(place)}
    baseline_port = free_port()
    with ExitStack() as stack:
        pids = {"postgres": Postgres(var).pid() or 0}
        for process in (described["sequencer"], described["web"], _baseline(place, baseline_port)):
            child = stack.enter_context(started(process))
            pids[process.name] = child.pid
        yield Stack(place.port, baseline_port, pids)


def _baseline(place: Place, port: int) -> Process:
    """Return the baseline's server: threads that wait for the database while others compute."""
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
    threads = ["--workers", "2", "--blocking-threads", "8"]
    return Process(
        name="baseline",
        argv=[*server, *threads, "--port", str(port), "benchmarks.drf_orders:application"],
        env=place.environment,
        cwd=ROOT,
    )


@contextmanager
def started(process: Process) -> Iterator[subprocess.Popen[bytes]]:
    """Run one process until the end of the block; its log goes to a file in `var/bench`."""
    log_path = Path(process.env["CUX_VAR"]) / "log" / f"{process.name}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            process.argv, cwd=process.cwd, env=os.environ | process.env, stdout=log, stderr=log
        )
    try:
        _wait_ready(process, child, Run(log_path, 0))
        yield child
    finally:
        child.terminate()
        child.wait()


def _wait_ready(process: Process, child: subprocess.Popen[bytes], run: Run) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while process.ready is not None:
        try:
            if asyncio.run(process.ready(run)):  # type: ignore[arg-type]
                return
        except OSError:
            pass
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.name} does not start: {run.log_path.read_text()[-2_000:]}")
        time.sleep(0.05)


def make_market(traders: int) -> tuple[list[Trader], list[str]]:
    """Make funded traders with capacity, and two instruments: the exchange's and the baseline's."""
    from accounts.services import api_key_create
    from tests import builders

    compute_class = builders.compute_class()
    symbols = [
        builders.instrument(
            of_class=compute_class, maker_fee_ppm=500, taker_fee_ppm=1_000, max_open_orders=10**9
        ).symbol
        for _ in range(2)
    ]
    made = []
    for _ in range(traders):
        organisation = builders.organisation("trader")
        issued = api_key_create(
            organisation_id=organisation.id, name="bench", scopes=["trade", "read"], order_limit=_ORDER_LIMIT
        )
        made.append(Trader(organisation.id, issued.secret))
        _fund(organisation.id, compute_class.code)
    return made, symbols


def _fund(organisation_id: uuid.UUID, compute_class: str) -> None:
    from billing.services.deposit_record import deposit_record
    from billing.services.wallet_move import to_transit
    from core.clock import utc_now
    from exchange.sequencer.client import submit_sync
    from exchange.sequencer.protocol import Fund, SetCapacity

    amount = 10**15
    deposit_record(
        organisation_id=organisation_id, amount_nano_usd=amount, key=f"{organisation_id}", now=utc_now()
    )
    to_transit(organisation_id=organisation_id, amount_nano_usd=amount, key="bench", now=utc_now())
    submit_sync(Fund(organisation_id, amount, "bench"))
    submit_sync(SetCapacity(organisation_id, compute_class, 10**9, 1_000_000))
