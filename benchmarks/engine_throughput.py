"""Messages a second of the matching engine, beside a naive book on the same messages.

    python -m benchmarks.engine_throughput [--messages N]

Seeded workloads of limit, IOC and FOK orders, cancels and replaces around a moving price. `bare`
calls the engine with orders made beforehand and takes its events; `protocol` reads and writes JSON
lines. The baseline is the tests' oracle on the first messages of the same workload in the same
process (it is too slow for all). Seconds are CPU seconds of this one thread, so that a busy machine
matters less; each figure is the median of three runs (the baseline's of one). One JSON line each.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import msgspec

from exchange.engine import Engine, Order
from exchange.engine.protocol import serve
from tests.oracles.naive_book import NaiveBook

SEED = 20_240_229
NAIVE_MESSAGES = 2_000
RUNS = 3
SCENARIOS = {"static": 0, "normal": 2, "swing": 25, "crash": 120}
"""Largest move of the middle price between two messages, in hundredths of a tick."""

Json = dict[str, Any]


def workload(move: int, messages: int) -> list[Json]:
    """Commands around a price that walks by at most `move` hundredths of a tick a message."""
    rng = random.Random(SEED)
    middle, live = 1_000_000, ["o0"]
    commands: list[Json] = []
    for number in range(messages):
        middle = max(10_000, middle + rng.randint(-move, move))
        draw = rng.random()
        place = rng.randrange(len(live))
        if draw < 0.55:
            commands.append(new_order(rng, f"o{number}", middle // 100))
            live.append(f"o{number}")
        elif draw < 0.9 or len(live) > 2_000:
            live[place], live[-1] = live[-1], live[place]
            commands.append({"op": "cancel", "id": live.pop() if len(live) > 1 else live[0]})
        else:
            price = middle // 100 + rng.randint(-20, 20)
            commands.append({"op": "replace", "id": live[place], "price": price, "qty": rng.randint(1, 100)})
    return commands


def new_order(rng: random.Random, id: str, middle: int) -> Json:
    """A limit order near the middle, most often passive."""
    side = rng.choice(["buy", "sell"])
    distance = rng.randint(-2, 40)
    return {
        "op": "new",
        "id": id,
        "account": f"a{rng.randrange(50)}",
        "side": side,
        "type": "limit",
        "tif": rng.choices(["GTC", "IOC", "FOK"], [90, 8, 2])[0],
        "price": middle - distance if side == "buy" else middle + distance,
        "qty": rng.randint(1, 100),
        "post_only": False,
        "stp": rng.choice(["none", "cancel_taker", "cancel_maker", "decrement"]),
    }


def time_bare(commands: list[Json]) -> float:
    """Seconds for the engine with its arguments made beforehand."""
    engine = Engine()
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
    for command in commands:
        fields = {name: value for name, value in command.items() if name != "op"}
        if command["op"] == "new":
            calls.append((engine.new, (msgspec.convert(fields, Order),)))
        else:
            calls.append((getattr(engine, command["op"]), tuple(fields.values())))
    start = time.process_time()
    for call, arguments in calls:
        call(*arguments)
    return time.process_time() - start


def time_protocol(commands: list[Json]) -> float:
    """Seconds for JSON lines in and out."""
    lines = BytesIO(msgspec.json.Encoder().encode_lines(commands))
    start = time.process_time()
    serve(lines, BytesIO())
    return time.process_time() - start


def time_naive(commands: list[Json]) -> float:
    """Seconds for the oracle."""
    book = NaiveBook()
    start = time.process_time()
    for command in commands:
        book.apply(command)
    return time.process_time() - start


def rate(timed: Callable[[list[Json]], float], commands: list[Json], runs: int = RUNS) -> int:
    """Messages a second, the median of some runs."""
    return round(len(commands) / statistics.median(timed(commands) for _ in range(runs)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=50_000)
    messages = parser.parse_args().messages
    for scenario, move in SCENARIOS.items():
        commands = workload(move, messages)
        baseline = rate(time_naive, commands[:NAIVE_MESSAGES], runs=1)
        for name, timed in (("bare", time_bare), ("protocol", time_protocol)):
            value = rate(timed, commands)
            figure = {"name": f"engine.{scenario}.{name}", "value": value, "unit": "messages/s"}
            print(
                json.dumps(figure | {"baseline": baseline, "ratio": round(value / baseline, 1)}), flush=True
            )


if __name__ == "__main__":
    main()
