"""What a long billing transaction on one account does to everybody else's orders: nothing.

    python -m benchmarks.isolation [--rounds 3] [--rate 300]

Open loop over HTTP at a fixed rate, in turns: quiet, and while a transaction has posted to one account and
stays open for five seconds, and that account's money is asked out of its wallet all the while. `value` is the
99th percentile of the others' latencies then, `baseline` when it is quiet; each the median of the rounds.
"""

import argparse
import os
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks import figure, fresh_servers
from benchmarks.load import Load
from benchmarks.order_requests import singles

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

OPEN_S = 5.0
CONNECTIONS = 32
PERCENT = 99


@contextmanager
def open_billing(victim: uuid.UUID) -> Iterator[None]:
    """Keep a transaction open that has posted to the account, and ask for the account's money meanwhile."""
    done = threading.Event()
    threads = [
        threading.Thread(target=work, args=(victim, done)) for work in (_stay_open, _ask_for_the_money)
    ]
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()


def _stay_open(victim: uuid.UUID, done: threading.Event) -> None:
    from django.db import connection, transaction

    from billing.services.deposit_record import deposit_record
    from core.clock import utc_now

    with transaction.atomic():
        deposit_record(organisation_id=victim, amount_nano_usd=1, key=f"{uuid.uuid4()}", now=utc_now())
        done.wait(OPEN_S)
    connection.close()


def _ask_for_the_money(victim: uuid.UUID, done: threading.Event) -> None:
    from core.errors import CuxError
    from exchange.sequencer.client import submit_sync
    from exchange.sequencer.protocol import Defund

    while not done.wait(0.05):
        try:
            submit_sync(Defund(victim, 1, f"{uuid.uuid4()}"))
        except CuxError:
            continue  # try again: what the exchange says while the account is at work


def p99_ms(port: int, requests: list[Iterator[bytes]], rate: float, beside: Callable[[], Any]) -> float:
    """Return the 99th percentile of the latencies of a few seconds at this rate."""
    load = Load(port, requests)
    try:
        load.closed_loop(0.5)
        with beside():
            return load.open_loop(rate, OPEN_S).percentile_ms(PERCENT)
    finally:
        load.close()


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=300.0, help="orders a second")
    arguments = parser.parse_args()
    with fresh_servers(VAR):
        from benchmarks.stack import make_market, running

        with running(VAR) as stack:
            (victim, *others), (symbol, _) = make_market(CONNECTIONS + 1)
            besides: dict[str, Callable[[], Any]] = {
                "quiet": nullcontext,
                "open": lambda: open_billing(victim.organisation_id),
            }
            measured: dict[str, list[float]] = {name: [] for name in besides}
            for _ in range(arguments.rounds):
                for name, beside in besides.items():
                    prefix = f"{name}-{time.monotonic_ns()}"
                    requests = [singles(trader.secret, symbol, prefix, 10) for trader in others]
                    measured[name].append(p99_ms(stack.port, requests, arguments.rate, beside))
    figure(
        "orders.beside_open_billing_p99_ms",
        statistics.median(measured["open"]),
        "ms",
        statistics.median(measured["quiet"]),
    )


if __name__ == "__main__":
    main()
