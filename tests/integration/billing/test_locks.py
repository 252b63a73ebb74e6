"""What the locks of the ledger's own functions are for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections

from billing.ledger.chart import AccountRef, Kind, of_house
from billing.ledger.posting import BatchItem, HoldStep
from billing.services.batch_post import ItemOutcome, batch_post
from core.embedded.postgres import Postgres
from core.errors import Code
from tests.environment import VAR
from tests.guards.removal import written
from tests.integration.billing.books import CASH, NOW, entry, funded, hold, post
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("db")

FEES = of_house(Kind.FEE_INCOME)
LOCKED = "ORDER BY b.account_id FOR NO KEY UPDATE"
BACKWARDS = "ORDER BY b.account_id DESC FOR NO KEY UPDATE"
BALANCE = "SELECT FROM billing_balance WHERE account_id = %s FOR NO KEY UPDATE"
HELD = "SELECT FROM billing_hold WHERE id = %s FOR UPDATE NOWAIT"
Work = Callable[[], object]


@contextmanager
def waiting(work: Work, *, behind: AccountRef) -> Iterator[tuple[psycopg.Connection, list[object]]]:
    """Run `work` while a session has the account's balance, and yield that session while `work` waits for it.

    The list has what became of the work when the block is left.
    """
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)
        finally:
            connections.close_all()

    with psycopg.connect(Postgres(VAR).role_url("cux_owner")) as first:
        first.execute(BALANCE, [behind.id])
        thread = threading.Thread(target=run)
        thread.start()
        try:
            eventually(lambda: _waits_for(first.info.backend_pid))
            yield first, results
        finally:
            first.commit()
            thread.join(30)


def _waits_for(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", [pid])
        return bool(cursor.fetchone()[0])


def is_free(sql: str, key: object) -> bool:
    """Tell whether nobody else has locked or changed the row."""
    with psycopg.connect(Postgres(VAR).role_url("cux_owner")) as other:
        try:
            other.execute(sql, [key])
        except psycopg.errors.LockNotAvailable:
            return False
        return True


def by_post(*steps: HoldStep, legs: tuple = ()) -> Work:
    """Return a call of the function that posts within a transaction."""
    return lambda: post(*([entry(*legs)] if legs else []), steps=steps)


def by_batch(*steps: HoldStep, legs: tuple = ()) -> Work:
    """Return a call of the function that posts a batch of its own."""
    other = BatchItem(entry((CASH, FEES, 1)))
    return lambda: batch_post(items=[BatchItem(entry(*legs), steps=steps), other], now=NOW)


def by_transfer(*, legs: tuple) -> Work:
    """Return a call of the function that posts one transfer."""
    return lambda: batch_post(items=[BatchItem(entry(*legs))], now=NOW)


def takes_balances_in_one_order(by: Callable[..., Work]) -> bool:
    """Tell whether what waits for the first of two balances has not taken the second yet."""
    first, second = sorted((funded(10), funded(10)), key=lambda account: account.id)
    with waiting(by(legs=((second, first, 1),)), behind=first):
        return is_free(f"{BALANCE} NOWAIT", second.id)


def touches_holds_after_the_balance(by: Callable[..., Work]) -> bool:
    """Tell whether what waits for a balance has not changed a hold on it yet."""
    account = funded(10)
    placement = hold(account, 5)
    post(placements=(placement,))
    with waiting(by(HoldStep(placement.hold_id, release=5)), behind=account):
        return is_free(HELD, placement.hold_id)


def decides_by_what_is_there(by: Callable[..., Work]) -> bool:
    """Tell whether a batch refuses what another transaction, which it waits for, has spent."""
    account = funded(10)
    with waiting(by(legs=((account, CASH, 10),)), behind=account) as (other, results):
        other.execute("UPDATE billing_balance SET posted = 9 WHERE account_id = %s", [account.id])
    with connections["owner"].cursor() as cursor:  # what was spent came from nowhere: give it back
        cursor.execute(
            "UPDATE billing_balance b SET posted = (SELECT sum(amount) FROM billing_posting p"
            " WHERE p.account_id = b.account_id) WHERE b.account_id = %s",
            [account.id],
        )
    return isinstance(results[0], list) and results[0][0] == ItemOutcome(refusal=Code.INSUFFICIENT_BALANCE)


@pytest.mark.parametrize(
    ("by", "holds"),
    [
        (by_post, touches_holds_after_the_balance),
        (by_batch, decides_by_what_is_there),
        (by_transfer, decides_by_what_is_there),
    ],
    ids=["post", "batch", "transfer"],
)
def test_a_posting_locks_the_balances_that_it_moves(by, holds):
    assert holds(by)


@pytest.mark.parametrize(
    ("function", "by"),
    [
        ("billing_ledger_post", by_post),
        ("billing_batch_post", by_batch),
        ("billing_transfer_post", by_transfer),
    ],
    ids=["post", "batch", "transfer"],
)
def test_balances_are_locked_in_the_order_of_their_ids(function, by):
    assert takes_balances_in_one_order(by)
    with written(function, lambda source: source.replace(LOCKED, BACKWARDS)):
        assert not takes_balances_in_one_order(by)
