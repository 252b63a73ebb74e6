"""Transfers a second of the ledger: 500 per call and one per call, beside a loop of Django's ORM.

    python -m benchmarks.ledger_post [--rounds N]

Runs on embedded servers of its own (`var/bench`), synchronous commit on, one client, uniformly random
pairs of 100 funded accounts. `fees` adds to every transfer one to a single house account (two transfers
each), `holds` places and then captures a hold for every transfer. The baseline writes the same rows under
the same locks with the ORM. Every scenario runs once a round, in turn, so that a busy machine hits all
alike; figures are by the wall clock, the median of the rounds. One JSON line each; at the end the ledger
is verified.
"""

import argparse
import json
import os
import random
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F

from benchmarks import fresh_servers
from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg
from billing.services.ledger_post import ledger_post
from core.ids import new_id

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
SEED = 20_240_229
BATCH = 500
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CASH, FEES = of_house(Kind.EXTERNAL_CASH), of_house(Kind.FEE_INCOME)
RNG = random.Random(SEED)
ACCOUNTS = [of_organisation(Kind.FUNDING, uuid.UUID(int=RNG.getrandbits(128))) for _ in range(100)]

Pair = tuple[AccountRef, AccountRef]


def random_pair() -> Pair:
    """Return two different accounts."""
    debit, credit = RNG.sample(ACCOUNTS, 2)
    return debit, credit


def entry(*legs: tuple[AccountRef, AccountRef, int]) -> JournalEntry:
    """Return an entry under a new key."""
    return JournalEntry(f"bench:{new_id()}", "bench", tuple(Leg(*leg) for leg in legs), NOW)


def post(*entries: JournalEntry, **holds: list[HoldPlacement] | list[HoldStep]) -> None:
    """Post one batch in one transaction."""
    with transaction.atomic():
        ledger_post(entries=entries, now=NOW, **holds)  # type: ignore[arg-type]


def batched(pairs: list[Pair]) -> int:
    """500 entries per call."""
    post(*[entry((debit, credit, 100)) for debit, credit in pairs])
    return len(pairs)


def fees(pairs: list[Pair]) -> int:
    """500 entries per call, each with a second transfer to one hot house account."""
    post(*[entry((debit, credit, 99), (debit, FEES, 1)) for debit, credit in pairs])
    return 2 * len(pairs)


def holds(pairs: list[Pair]) -> int:
    """500 holds placed in one call, captured in the next."""
    placements = [HoldPlacement(new_id(), debit, 100, "bench", "") for debit, _ in pairs]
    post(placements=placements)
    steps = [HoldStep(placement.hold_id, capture=100) for placement in placements]
    post(*[entry((debit, credit, 100)) for debit, credit in pairs], steps=steps)
    return len(pairs)


def single(pairs: list[Pair]) -> int:
    """One entry per call."""
    for debit, credit in pairs:
        post(entry((debit, credit, 100)))
    return len(pairs)


def orm(pairs: list[Pair]) -> int:
    """The baseline: one transfer at a time through the ORM."""
    for debit, credit in pairs:
        _orm_transfer(entry((debit, credit, 100)))
    return len(pairs)


@transaction.atomic
def _orm_transfer(posted: JournalEntry) -> None:
    balances = apps.get_model("billing.Balance").objects
    leg = posted.legs[0]
    row = apps.get_model("billing.Entry").objects.create(
        id=new_id(), key=posted.key, body_sha256=posted.body_sha256, kind=posted.kind, event_at=NOW
    )
    ids = [leg.debit.id, leg.credit.id]
    list(balances.filter(account_id__in=ids).order_by("account_id").select_for_update(no_key=True))
    apps.get_model("billing.Transfer").objects.create(
        entry=row, leg=0, debit_id=ids[0], credit_id=ids[1], amount=leg.amount, asset=leg.debit.asset
    )
    balances.filter(account_id=ids[0]).update(posted=F("posted") - leg.amount)
    balances.filter(account_id=ids[1]).update(posted=F("posted") + leg.amount)


SCENARIOS: dict[Callable[[list[Pair]], int], int] = {batched: 10, fees: 10, holds: 5, single: 1, orm: 1}
"""How many times 500 pairs a round has of each."""


def measure(rounds: int) -> None:
    """Run every scenario once a round, in turn, and print a JSON line for each."""
    post(entry(*[(CASH, account, 10**15) for account in ACCOUNTS]))
    rates: dict[str, list[float]] = {scenario.__name__: [] for scenario in SCENARIOS}
    for _ in range(rounds):
        for scenario, times in SCENARIOS.items():
            work = [[random_pair() for _ in range(BATCH)] for _ in range(times)]
            start = time.perf_counter()
            transfers = sum(scenario(pairs) for pairs in work)
            rates[scenario.__name__].append(transfers / (time.perf_counter() - start))
    baseline = statistics.median(rates["orm"])
    for name, measured in rates.items():
        value = statistics.median(measured)
        report(f"ledger.{name}", round(value), "transfers/s", round(baseline), round(value / baseline, 1))


def measure_size_and_verify() -> None:
    """Print what a transfer takes on disk with its entry and indexes, and how long verifying takes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size('billing_transfer') + pg_total_relation_size('billing_entry'),"
            " count(*) FROM billing_transfer"
        )
        size, transfers = cursor.fetchone() or (0, 1)
    report("ledger.bytes_per_transfer", round(size / transfers), "bytes")
    start = time.perf_counter()
    call_command("ledger_verify", stdout=StringIO())
    report(f"ledger.verify_{transfers}_transfers", round(time.perf_counter() - start, 2), "s")


def report(
    name: str, value: float, unit: str, baseline: float | None = None, ratio: float | None = None
) -> None:
    """Print one JSON line; a size or a duration has no baseline."""
    figure = {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio}
    print(json.dumps(figure), flush=True)


def main() -> None:
    """Start servers of our own, migrate, measure, verify, stop."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ["CUX_VAR"] = str(VAR)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with fresh_servers(VAR):
        measure(rounds)
        measure_size_and_verify()


if __name__ == "__main__":
    main()
