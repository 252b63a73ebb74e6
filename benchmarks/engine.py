"""Messages a second of the matching engine, beside two engines of the Python package index.

    python -m benchmarks.engine [--messages N]

`engine.<scenario>`: new orders, cancels and replaces with self-trade prevention, each message made
beforehand, every event made and thrown away; `engine.worst` is the slowest, `engine.worst_json` the slowest
with the messages read and the events written as JSON lines. `engine.latency_*_us` are single messages of the
normal scenario. `engine.uncross_ms` is an uncross of 10,000 orders, beside one that sums all orders at each
price.

`engine.beside_lightmatchingengine` and `engine.beside_order-matching`: the worst ratio of all scenarios, on
the plain orders and cancels that they know, in turn in one process; each makes its own orders as part of the
time, and all must trade the same lots.

Seconds are CPU seconds of this one thread, the least of several runs, since whatever else a machine does only
adds to them. What existed before a run is out of the garbage collector's sight (`gc.freeze`). Runs in
`.venv-bench`, where the other two are.
"""

import argparse
import gc
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks import figure
from benchmarks.engine_workloads import MIDDLE_TICKS, SCENARIOS, auction, copy, plain, workload
from exchange.engine import Engine, Order
from exchange.engine.events import Trade
from exchange.engine.protocol import Operation, apply, serve

ENVIRONMENT = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "python"
RUNS = 7
PLAIN_MESSAGES, FEW_MESSAGES = 20_000, 1_000
"""Messages for the comparisons: the second engine's cost grows with every order that rests."""
AUCTION_ORDERS = 10_000
Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds of a piece of work, and what came of it."""
    gc.collect()
    gc.freeze()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def time_bare(operations: Sequence[Operation]) -> float:
    """Seconds for the engine, each message made beforehand."""
    engine = Engine()
    made = [copy(operation) for operation in operations]

    def work() -> None:
        for operation in made:
            apply(engine, operation)

    return timed(work)[0]


def time_json(operations: Sequence[Operation]) -> float:
    """Seconds for JSON lines in and out."""
    lines = BytesIO(msgspec.json.Encoder().encode_lines(operations))
    return timed(lambda: serve(lines, BytesIO()))[0]


def latencies_us(operations: Sequence[Operation]) -> list[float]:
    """Microseconds of each message by the wall clock, ascending."""
    engine = Engine()
    made = [copy(operation) for operation in operations]
    took: list[int] = []
    gc.collect()
    gc.freeze()
    for operation in made:
        start = time.perf_counter_ns()
        apply(engine, operation)
        took.append(time.perf_counter_ns() - start)
    return sorted(ns / 1_000 for ns in took)


def compare_uncross() -> None:
    """Print the milliseconds of an uncross, and of one in the obvious way, which must trade as much."""
    ours, obvious = [], []
    for _ in range(RUNS):
        engine = auction(AUCTION_ORDERS)
        took, expected = timed(partial(obvious_uncross, engine.snapshot()))
        obvious.append(1_000 * took)
        took, events = timed(partial(engine.uncross, MIDDLE_TICKS))
        ours.append(1_000 * took)
        if expected != sum(event.qty for event in events if isinstance(event, Trade)):
            raise AssertionError("the obvious uncross trades another volume")
    figure("engine.uncross_ms", min(ours), "ms", min(obvious))


def obvious_uncross(orders: Sequence[Order]) -> int:
    """Sum bids and asks at every price, then fill the sorted sides; lots traded."""
    bids = [order for order in orders if order.side == "buy"]
    asks = [order for order in orders if order.side == "sell"]
    volumes = []
    for price in {order.price for order in orders}:
        demand = sum(bid.qty for bid in bids if bid.price >= price)
        supply = sum(ask.qty for ask in asks if ask.price <= price)
        volumes.append(min(demand, supply))
    for side, sign in ((bids, -1), (asks, 1)):
        side.sort(key=lambda order: (sign * order.price, order.priority))
        left = max(volumes)
        for order in side:
            filled = min(order.qty, left)
            order.qty -= filled
            left -= filled
    return max(volumes)


def compare(rival: str, messages: int) -> None:
    """Print how many plain messages a second both engines do in the scenario with the worst ratio."""
    from benchmarks.engine_rivals import Light, Matching, Ours, Rival

    engines: tuple[Rival, Rival] = (Ours(), Light() if rival == "lightmatchingengine" else Matching())
    rates = []
    for scenario in SCENARIOS:
        operations = plain(workload(scenario, 2 * messages))[:messages]
        if len({engine.run(operations) for engine in engines}) != 1:
            raise AssertionError(f"{rival} trades other lots")
        times = [[timed(partial(e.run, operations))[0] for e in engines] for _ in range(RUNS)]
        rates.append([len(operations) / min(column) for column in zip(*times, strict=True)])
    ours, theirs = min(rates, key=lambda pair: pair[0] / pair[1])
    figure(f"engine.beside_{rival}", ours, "messages/s", theirs)


def main() -> None:
    """Measure and print."""
    if importlib.util.find_spec("lightmatchingengine") is None:
        if not ENVIRONMENT.exists():
            sys.exit("The engines to compare with are missing: run `make .venv-bench/.installed`.")
        os.execv(ENVIRONMENT, [str(ENVIRONMENT), "-m", "benchmarks.engine", *sys.argv[1:]])  # noqa: S606
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=50_000)
    messages = parser.parse_args().messages
    bare, with_json = [], []
    for scenario in SCENARIOS:
        operations = workload(scenario, messages)
        bare.append(messages / min(time_bare(operations) for _ in range(RUNS)))
        with_json.append(messages / min(time_json(operations) for _ in range(RUNS)))
        figure(f"engine.{scenario}", bare[-1], "messages/s")
    figure("engine.worst", min(bare), "messages/s")
    figure("engine.worst_json", min(with_json), "messages/s")
    took = latencies_us(workload("normal", messages))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999)):
        figure(f"engine.latency_{name}_us", took[int(share * len(took))], "us")
    compare("lightmatchingengine", PLAIN_MESSAGES)
    compare("order-matching", FEW_MESSAGES)
    compare_uncross()


if __name__ == "__main__":
    main()
