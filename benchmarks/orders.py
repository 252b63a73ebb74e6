"""Durable orders over HTTP: the exchange beside the same order through a plain Django REST framework view.

    python -m benchmarks.orders [--seconds 6] [--rounds 2] [--connections 64]

Starts servers of its own under `var/bench`: PostgreSQL with fsync and synchronous_commit on, the sequencer
and the web process as `config.processes` starts them, and the baseline's. An order counts when its 2xx is
there: key checked, idempotent, risk checked, money held, matched, posted, journaled, committed. Nine orders
of ten rest, each tenth takes one of them; `trading` trades with every second one. Exchange and baseline take
turns, so that a busy machine hits both; a rate is the best of the rounds (closed loop), the 99th percentile
is measured at 70 % of it (open loop, Poisson arrivals, from the moment for which a request was meant).
`batch` sends fifty of the same orders in a request; beside it, `COPY` alone of the rows they made into empty
tables with the same indexes and checks. The load generator shares the machine; its part of a core is printed,
and CPU time per order and process. One JSON line each.
"""

import argparse
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import figure, fresh_servers
from benchmarks.copy_rows import copy_rate
from benchmarks.cpu import cpu_seconds
from benchmarks.load import Load, Run
from benchmarks.order_requests import Requests, batches, singles

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

OPEN_LOOP_SHARE = 0.7
WARM_UP_S = 1.0
BATCH = 50
BATCH_CONNECTIONS = 16
COPIED_ORDERS = 20_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    with fresh_servers(VAR):
        from benchmarks.stack import make_market, running

        with running(VAR) as stack:
            traders, (symbol, baseline_symbol) = make_market(arguments.connections)

            def requests(of: str, takes_each: int = 10) -> Requests:
                return lambda prefix: [
                    singles(trader.secret, of, f"{prefix}-{takes_each}", takes_each) for trader in traders
                ]

            def in_batches(prefix: str) -> list[Iterator[bytes]]:
                return [
                    batches(trader.secret, symbol, prefix, 10, BATCH)
                    for trader in traders[:BATCH_CONNECTIONS]
                ]

            bench = Bench(stack.port, stack.pids, arguments.seconds, arguments.rounds)
            baseline = Bench(stack.baseline_port, stack.pids, arguments.seconds, arguments.rounds)
            single = bench.side_by_side(requests(symbol), baseline, requests(baseline_symbol))
            bench.open_loop(requests(symbol), single)
            bench.sequential(requests(symbol))
            bench.trading(requests(symbol, takes_each=2))
            bench.batch(in_batches)


class Bench:
    """One server under load; each method measures one thing and prints it."""

    def __init__(self, port: int, pids: dict[str, int], seconds: float, rounds: int) -> None:
        """Aim at the server on this port."""
        self._port, self._pids = port, pids
        self._seconds, self._rounds = seconds, rounds
        self._numbers = itertools.count()

    def run(
        self, requests: Requests, drive: Callable[[Load], Run], *, made: int = 0
    ) -> tuple[Run, dict[str, float]]:
        """Warm up, drive the load, and return what it measured with the CPU µs per order of each process."""
        load = Load(self._port, requests(f"p{self._port}-{next(self._numbers)}"), made=made)
        try:
            load.closed_loop(WARM_UP_S)
            before = cpu_seconds(self._pids)
            run = drive(load)
            after = cpu_seconds(self._pids)
        finally:
            load.close()
        count = len(run.latencies_s) * (made or 1)
        used = {name: (after[name] - before[name]) * 1e6 / count for name in before}
        return run, used | {"generator": run.cpu_s * 1e6 / count}

    def closed(self, requests: Requests) -> tuple[Run, dict[str, float]]:
        """Ask for as much as it takes."""
        return self.run(requests, lambda load: load.closed_loop(self._seconds))

    def side_by_side(self, requests: Requests, baseline: "Bench", baseline_requests: Requests) -> float:
        """Print `orders.single` beside the baseline's rate, and return it."""
        best = slow = Run(wall_s=1.0)
        used: dict[str, float] = {}
        for _ in range(self._rounds):
            run, used_now = self.closed(requests)
            if run.rate > best.rate:
                best, used = run, used_now
            other, _ = baseline.closed(baseline_requests)
            slow = max(slow, other, key=lambda run: run.rate)
        figure("orders.single", best.rate, "orders/s", slow.rate)
        _print_latency("orders.single_closed", best)
        _print_cpu("orders.single", used, best)
        return best.rate

    def open_loop(self, requests: Requests, rate: float) -> None:
        """Print the 99th percentile at a share of the rate."""
        run, _ = self.run(requests, lambda load: load.open_loop(rate * OPEN_LOOP_SHARE, self._seconds))
        figure("orders.single_open_rate", run.rate, "orders/s")
        _print_latency("orders.single", run)

    def sequential(self, requests: Requests) -> None:
        """Print the latencies of one client alone."""
        run, used = self.run(
            lambda prefix: requests(prefix)[:1], lambda load: load.closed_loop(self._seconds / 2)
        )
        _print_latency("orders.sequential", run)
        _print_cpu("orders.sequential", used, run)

    def trading(self, requests: Requests) -> None:
        """Print the rate where every second order trades."""
        run, used = self.closed(requests)
        figure("orders.trading", run.rate, "orders/s")
        _print_cpu("orders.trading", used, run)

    def batch(self, requests: Requests) -> None:
        """Print the rate of orders in batches beside that of COPY alone."""
        run, used = self.run(requests, lambda load: load.closed_loop(self._seconds), made=BATCH)
        figure("orders.batch", run.rate * BATCH, "orders/s", copy_rate(COPIED_ORDERS))
        _print_latency("orders.batch", run)
        _print_cpu("orders.batch", used, run)


def _print_latency(name: str, run: Run) -> None:
    for percent in (50, 99):
        figure(f"{name}_p{percent}_ms", run.percentile_ms(percent), "ms")


def _print_cpu(name: str, used: dict[str, float], run: Run) -> None:
    for process, microseconds in used.items():
        if process != "baseline":
            figure(f"{name}_cpu_us.{process}", microseconds, "µs/order")
    exchange = sum(v for process, v in used.items() if process not in ("baseline", "generator"))
    figure(f"{name}_cpu_us", exchange, "µs/order")
    figure(f"{name}_generator_share", run.cpu_s / run.wall_s, "of a core")


if __name__ == "__main__":
    main()
