"""Market data to a thousand readers: how late it is, and whether every book is right.

`python -m benchmarks.feed [--readers 1000] [--rate 10] [--seconds 20]` runs database, sequencer and web
process as `config.processes` starts them, and 1,000 readers of one market's stream in a process of their own
(`benchmarks.feed_readers`). Orders change the market ten times a second. `feed.p99_ms` is from the moment at
which the sequencer decided (before its commit) to the moment at which a reader has the event, over all
readers and events; `feed.sound` is the share of readers whose book, rebuilt from snapshot and deltas, is
gapless, complete, and fits every checksum. The baseline (`benchmarks.naive_feed`) reads rows for each reader.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks import figure, fresh_servers
from benchmarks.cpu import cpu_seconds

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["CUX_REQUEST_LIMIT"] = "100000"  # all readers come from one address, at once
SETTLE_S: Final = 3.0
_READERS: Final = "from benchmarks.feed_readers import main; main()"


def main() -> None:
    """Measure both and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    with fresh_servers(VAR):
        from benchmarks.stack import free_port, make_market, started
        from config.processes import Place, all_processes

        place = Place(VAR, free_port(), free_port())
        processes = {process.name: process for process in all_processes(place)}
        naive = replace(processes["web"], name="naive", argv=_naive(processes["web"].argv))
        with started(processes["sequencer"]):
            (trader,), (symbol, _) = make_market(1)
            runs = []
            for server in (processes["web"], naive):
                with started(server) as child:
                    feed = Feed(place.port, symbol, trader.organisation_id, child.pid)
                    runs.append(feed.run(arguments.readers, arguments.rate, arguments.seconds))
    report(*runs, readers=arguments.readers)


def _naive(argv: Sequence[str]) -> list[str]:
    """Return the command of a server of the baseline, like the web process otherwise."""
    return [*argv[:-1], "benchmarks.naive_feed:application"]


class Feed:
    """One server with readers on it."""

    def __init__(self, port: int, symbol: str, trader_id: uuid.UUID, pid: int) -> None:
        """Aim at this server, with this account as the one that trades."""
        self._port, self._symbol, self._trader_id, self._pid = port, symbol, trader_id, pid

    def run(self, readers: int, rate: float, seconds: float) -> dict[str, Any]:
        """Trade while readers listen; return what they saw, and the server's CPU time per event."""
        command = [sys.executable, "-c", _READERS, str(self._port), self._symbol, str(readers)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            before = cpu_seconds({"server": self._pid})["server"]
            self._trade(rate, seconds)
            time.sleep(SETTLE_S)
            used = cpu_seconds({"server": self._pid})["server"] - before
            process.stdin.write("{} {}\n".format(*self._now()))
            process.stdin.close()
            seen: dict[str, Any] = json.loads(process.stdout.readline())
        return seen | {"server_ms_per_event": used * 1_000 / (rate * seconds)}

    def _trade(self, rate: float, seconds: float) -> None:
        """Change the market at a steady rate: an offer, a bid, a trade, a cancelled bid."""
        from exchange.sequencer.client import submit_sync

        begin = time.monotonic()
        resting: deque[uuid.UUID] = deque()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            verdict = submit_sync(self._command(number, resting))
            assert verdict.status < 400, verdict
            if number % 4 == 1:
                resting.append(uuid.UUID(hex=verdict.body["order_id"].removeprefix("ord_")))

    def _command(self, number: int, resting: deque[uuid.UUID]) -> Any:
        from exchange.sequencer.protocol import CancelOrder, NewOrder

        if number % 4 == 3 and resting:
            return CancelOrder(self._trader_id, None, resting.popleft())
        sells = number % 4 == 0
        return NewOrder(
            organisation_id=self._trader_id,
            instrument=self._symbol,
            side="sell" if sells else "buy",
            price_ticks=(2_000 if sells else 1_980) + number % 17 if number % 4 < 2 else 2_020,
            quantity_lots=3 if number % 4 < 2 else 1,
            tif="GTC" if number % 4 < 2 else "IOC",
            stp="none",
        )

    def _now(self) -> tuple[int, int]:
        """Return the number of the market's last event, and the checksum of its book's rows."""
        from cux.wire.live_book import CHECKSUM_LEVELS, LiveBook
        from exchange.selectors.book import book_snapshot

        book = book_snapshot(symbol=self._symbol, depth=CHECKSUM_LEVELS)
        sides = (((row.price_ticks, row.quantity_lots) for row in side) for side in (book.bids, book.asks))
        return book.sequence, LiveBook(*sides).checksum()


def report(shared: dict[str, Any], naive: dict[str, Any], *, readers: int) -> None:
    """Print one JSON line a figure."""
    for name in ("p50_ms", "p99_ms", "p999_ms"):
        figure(f"feed.{name}", shared[name], "ms", naive[name])
    figure("feed.sound", shared["sound"] / readers, "of readers", naive["sound"] / readers)
    figure("feed.checksums", shared["checks"] / readers, "per reader")
    figure("feed.missing", shared["missing"], "deliveries")
    cpu = "server_ms_per_event"
    figure("feed.server_cpu", shared[cpu], "ms per event", naive[cpu])


if __name__ == "__main__":
    main()
