"""What the clients of `benchmarks.ledger` do: each workload is a function of one client's state, done again
and again, that returns how many transfers (or receipts) it made.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.apps import apps
from django.db import transaction
from django.db.models import F

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import BatchItem, HoldPlacement, HoldStep, JournalEntry, Leg
from billing.services.batch_post import batch_post
from billing.services.usage_record import UsageRow, usage_record
from core.ids import new_id, new_id_text

SEED = 20_240_229
BATCH = 500
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CASH, FEES = of_house(Kind.EXTERNAL_CASH), of_house(Kind.FEE_INCOME)
_RNG = random.Random(SEED)
ACCOUNTS = [of_organisation(Kind.FUNDING, uuid.UUID(int=_RNG.getrandbits(128))) for _ in range(1_000)]


@dataclass
class Client:
    """One client: its own seeded randomness, and the holds it has placed and not captured."""

    number: int
    rng: random.Random = field(init=False)
    placed: list[HoldPlacement] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Seed by the client's number."""
        self.rng = random.Random(SEED + self.number)

    def pair(self) -> tuple[AccountRef, AccountRef]:
        """Return two different accounts."""
        debit, credit = self.rng.sample(ACCOUNTS, 2)
        return debit, credit


def entry(debit: AccountRef, credit: AccountRef) -> JournalEntry:
    """Return an entry such as settlements make, under a new key."""
    subject = new_id_text()
    return JournalEntry(f"settle:{subject}", "settle", (Leg(debit, credit, 100),), NOW, ref=subject)


def fund() -> None:
    """Put money on every account."""
    legs = tuple(Leg(CASH, account, 10**15) for account in ACCOUNTS)
    opening = BatchItem(JournalEntry("bench:opening", "bench", legs, NOW))
    (outcome,) = batch_post(items=[opening], now=NOW)
    assert outcome.posted or outcome.replayed


def post(items: list[BatchItem]) -> None:
    """Post a batch, of which nothing may be refused."""
    outcomes = batch_post(items=items, now=NOW)
    assert all(outcome.posted for outcome in outcomes), outcomes


def single(client: Client) -> int:
    """One transfer between two of 1,000 accounts."""
    post([BatchItem(entry(*client.pair()))])
    return 1


def hot(client: Client) -> int:
    """One transfer to the house's one fee account."""
    post([BatchItem(entry(client.pair()[0], FEES))])
    return 1


def batch(client: Client) -> int:
    """500 transfers; half of them capture a hold that the batch before placed, and as many are placed."""
    items = _with_holds(client, BATCH)
    post(items)
    return BATCH


def one_by_one(client: Client) -> int:
    """The same, one item a call."""
    items = _with_holds(client, 10)
    for item in items:
        post([item])
    return 10


def uniform(client: Client) -> int:
    """500 transfers without holds."""
    post([BatchItem(entry(*client.pair())) for _ in range(BATCH)])
    return BATCH


def _with_holds(client: Client, transfers: int) -> list[BatchItem]:
    items = []
    for placement in client.placed:
        payee = client.pair()[0]
        while payee == placement.account:
            payee = client.pair()[0]
        step = HoldStep(placement.hold_id, capture=placement.amount)
        items.append(BatchItem(entry(placement.account, payee), steps=(step,)))
    client.placed = [
        HoldPlacement(new_id(), client.pair()[0], 100, "bench", "") for _ in range(transfers // 2)
    ]
    items += [BatchItem(placements=(placement,)) for placement in client.placed]
    plain = transfers + len(client.placed) - len(items)
    return [*items, *(BatchItem(entry(*client.pair())) for _ in range(plain))]


@transaction.atomic
def orm(client: Client) -> int:
    """The baseline: one transfer by two inserts and two updates of the ORM, in the order of the ids."""
    balances = apps.get_model("billing.Balance").objects
    posted = entry(*client.pair())
    leg = posted.legs[0]
    row = apps.get_model("billing.Entry").objects.create(
        id=new_id(),
        key=posted.key,
        body_sha256=posted.body_sha256,
        kind=posted.kind,
        ref=posted.ref,
        event_at=NOW,
    )
    apps.get_model("billing.Transfer").objects.create(
        entry=row, leg=0, debit_id=leg.debit.id, credit_id=leg.credit.id, amount=100, asset=leg.debit.asset
    )
    for account, change in sorted(((leg.debit.id, -100), (leg.credit.id, 100))):
        balances.filter(account_id=account).update(posted=F("posted") + change)
    return 1


def receipts(client: Client) -> int:
    """1,000 usage receipts of 100 leases, a tenth sent again in the same batch; the new ones count."""
    rows = _receipts(client, 1_000)
    assert usage_record(rows=rows + rows[::10], now=NOW) == len(rows)
    return len(rows)


def receipts_one_by_one(client: Client) -> int:
    """The same, one a call."""
    return sum(usage_record(rows=[row], now=NOW) for row in _receipts(client, 10))


def _receipts(client: Client, count: int) -> list[UsageRow]:
    leases = [new_id() for _ in range(max(1, count // 10))]
    organisation_id = ACCOUNTS[client.number].organisation_id or uuid.UUID(int=0)
    return [
        UsageRow(leases[number % len(leases)], number, organisation_id, 1_000 * number)
        for number in range(count)
    ]


WORKLOADS: dict[str, Callable[[Client], int]] = {
    workload.__name__: workload
    for workload in (single, hot, batch, one_by_one, uniform, orm, receipts, receipts_one_by_one)
}
