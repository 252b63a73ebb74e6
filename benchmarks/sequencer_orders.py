"""Durable orders per second: the sequencer's group commit against one transaction per order.

`python -m benchmarks.sequencer_orders [--seconds 5] [--clients 64]` starts servers of its own under
`var/bench`, runs both in turn on the same database, and prints JSON lines: orders a second, and the 50th
and 99th percentile of an answer's milliseconds. An order counts when its answer is there, which is after
the commit (fsync on). `rest`: every order rests and is held for; `trade`: every second order trades. The
baseline does the least one transaction can: lock the wallet, set money aside, write the order and its
journal row. It does not match.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import fresh_servers

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

if TYPE_CHECKING:
    from accounts.models import Organisation
    from exchange.models import Instrument

Samples = list[float]


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=64)
    arguments = parser.parse_args()
    with fresh_servers(VAR):
        traders, instrument = make_market(arguments.clients)
        mixes: dict[str, Samples] = {}
        for mix in ("rest", "trade"):
            with sequencer():
                mixes[mix] = asyncio.run(through_sequencer(traders, instrument, mix, arguments.seconds, mix))
        baseline = one_by_one(traders, instrument, arguments.seconds)
    for mix, samples in mixes.items():
        report(mix, figures(samples, arguments.seconds), figures(baseline, arguments.seconds))


@contextmanager
def sequencer() -> Iterator[None]:
    """Run a sequencer, and wait until it answers."""
    from core.errors import CuxError
    from exchange.sequencer.client import submit_sync
    from exchange.sequencer.protocol import Inspect

    process = subprocess.Popen(
        [sys.executable, "manage.py", "sequencer"], cwd=ROOT, env=os.environ | {"CUX_LOG_LEVEL": "ERROR"}
    )
    try:
        while process.poll() is None:
            try:
                submit_sync(Inspect())
                break
            except CuxError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def make_market(clients: int) -> tuple[list["Organisation"], "Instrument"]:
    """Make an instrument, and a funded trader with capacity for each client."""
    from billing.services.deposit_record import deposit_record
    from billing.services.wallet_move import to_transit
    from core.clock import utc_now
    from exchange.sequencer.client import submit_sync
    from exchange.sequencer.protocol import Fund, SetCapacity
    from tests import builders

    instrument = builders.instrument(maker_fee_ppm=500, taker_fee_ppm=1_000)
    traders = [builders.organisation("trader") for _ in range(clients)]
    with sequencer():
        for trader in traders:
            amount = 10**15
            deposit_record(
                organisation_id=trader.id, amount_nano_usd=amount, key=f"in-{trader.id}", now=utc_now()
            )
            to_transit(
                organisation_id=trader.id, amount_nano_usd=amount, key=f"on-{trader.id}", now=utc_now()
            )
            submit_sync(Fund(trader.id, amount, "funds"))
            submit_sync(SetCapacity(trader.id, instrument.compute_class_id, 10**9, 1_000_000))
    return traders, instrument


async def through_sequencer(
    traders: list["Organisation"], instrument: "Instrument", mix: str, seconds: float, run: str
) -> Samples:
    """Let each trader place one order after the other, all at once; return the seconds of each."""
    from exchange.sequencer.client import close, submit
    from exchange.sequencer.protocol import NewOrder

    samples: Samples = []
    end = time.perf_counter() + seconds

    async def client(number: int, trader: "Organisation") -> None:
        for n in itertools.count():
            started = time.perf_counter()
            if started > end:
                return
            buys = mix == "rest" or (n + number) % 2 == 0
            verdict = await submit(
                NewOrder(
                    organisation_id=trader.id,
                    key=f"{run}-{n}",
                    instrument=instrument.symbol,
                    side="buy" if buys else "sell",
                    price_ticks=1_000 + n % 50 if mix == "rest" else 2_000,
                    quantity_lots=1,
                    stp="none",
                )
            )
            assert verdict.status == 201, verdict
            samples.append(time.perf_counter() - started)

    await asyncio.gather(*(client(number, trader) for number, trader in enumerate(traders)))
    await close()
    return samples


def one_by_one(traders: list["Organisation"], instrument: "Instrument", seconds: float) -> Samples:
    """Do the same in one transaction per order, a connection and a thread per client."""
    samples: Samples = []
    numbers = itertools.count(10**9)
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_one_by_one, args=(trader.id, instrument.id, numbers, end, samples))
        for trader in traders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return samples


_INSERT_ORDER = """
    INSERT INTO exchange_order (id, instrument_id, organisation_id, beneficiary_id, side, type, time_in_force,
        post_only, self_trade_prevention, price_ticks, quantity_lots, leaves_lots, cumulative_lots,
        notional_nano_usd, fee_nano_usd, status, reason, priority, created_at, updated_at)
    VALUES (%s, %s, %s, %s, 'buy', 'limit', 'GTC', false, 'none', 1000, 1, 1, 0, 0, 0, 'open', '', %s, now(),
        now())"""


def _one_by_one(trader: Any, instrument: Any, numbers: Iterator[int], end: float, samples: Samples) -> None:
    import psycopg
    from django.conf import settings

    from billing.ledger.chart import Kind, of_organisation
    from core.ids import new_id

    wallet = of_organisation(Kind.WALLET, trader).id
    with psycopg.connect(settings.DATABASE_URL) as connection:
        while (started := time.perf_counter()) < end:
            order, number = new_id(), next(numbers)
            with connection.transaction():
                connection.execute(
                    "SELECT posted - held FROM billing_balance WHERE account_id = %s FOR UPDATE", [wallet]
                )
                connection.execute(
                    "UPDATE billing_balance SET held = held + 1 WHERE account_id = %s", [wallet]
                )
                connection.execute(_INSERT_ORDER, [order, instrument, trader, trader, number])
                connection.execute(
                    "INSERT INTO exchange_command (sequence, kind, organisation_id, key, payload, verdict,"
                    " decided_at) VALUES (%s, 'new', %s, %s, '{}', '{}', now())",
                    [number, trader, str(number)],
                )
            samples.append(time.perf_counter() - started)


def figures(samples: Samples, seconds: float) -> dict[str, float]:
    """Return orders a second and two percentiles of an answer's milliseconds."""
    cuts = statistics.quantiles(samples, n=100)
    return {
        "rate": round(len(samples) / seconds),
        "p50": round(cuts[49] * 1_000, 2),
        "p99": round(cuts[98] * 1_000, 2),
    }


def report(mix: str, measured: dict[str, float], baseline: dict[str, float]) -> None:
    """Print one JSON line a figure."""
    for name, value in measured.items():
        unit = "orders/s" if name == "rate" else "ms"
        figure = {"name": f"sequencer.{mix}.{name}", "value": value, "unit": unit}
        ratio = round(value / baseline[name], 2)
        print(json.dumps(figure | {"baseline": baseline[name], "ratio": ratio}), flush=True)


if __name__ == "__main__":
    main()
