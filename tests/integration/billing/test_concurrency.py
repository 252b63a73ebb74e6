"""Many writers at once: no deadlock is seen, no effect is doubled or lost."""

import threading
from collections.abc import Callable, Sequence

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from billing.ledger.chart import AccountRef
from billing.ledger.posting import BatchItem, HoldStep
from billing.services.batch_post import ItemOutcome, batch_post
from billing.services.ledger_post import ledger_post
from core.counters import CONFLICTS
from core.errors import Code, CuxError
from core.retry import ATTEMPTS, transact
from tests.integration.billing.books import (
    CASH,
    NOW,
    balance,
    entry,
    funded,
    hold,
    new_account,
    new_key,
    post,
    rows,
)

pytestmark = pytest.mark.usefixtures("db")
LOCK = "SELECT FROM billing_balance WHERE account_id = %s FOR NO KEY UPDATE"


def at_once(
    work: Sequence[Callable[[], object]], *, warm: Callable[[], object] = lambda: None
) -> list[object]:
    """Run each in a thread of its own, all from one start; return what each returned or raised.

    `warm` is run in each thread before the start.
    """
    barrier = threading.Barrier(len(work))
    results: list[object] = [None] * len(work)

    def run(position: int) -> None:
        try:
            connection.ensure_connection()
            warm()
            barrier.wait(30)
            results[position] = work[position]()
        except Exception as error:
            results[position] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_32_threads_on_3_accounts_in_opposite_directions_end_without_a_deadlock():
    accounts = [funded(10_000) for _ in range(3)]

    def work(number: int) -> Callable[[], int]:
        source = accounts[number % 3]
        middle, end = (accounts[(number + turn) % 3] for turn in ((1, 2) if number % 2 else (2, 1)))

        def run() -> int:
            for round_ in range(10):
                post(entry((source, middle, round_ + 1), (source, end, number + 1)))
            return 10

        return run

    assert at_once([work(number) for number in range(32)]) == [10] * 32
    assert sum(int(str(balance(account)[0])) for account in accounts) == 30_000


def test_batches_of_32_threads_on_3_accounts_in_opposite_directions_end_without_a_deadlock():
    accounts = [funded(10_000) for _ in range(3)]
    conflicts = _conflicts()

    def work(number: int) -> Callable[[], int]:
        turned = accounts[number % 3 :] + accounts[: number % 3]
        source, middle, end = turned if number % 2 else reversed(turned)

        def run() -> int:
            legs = [(source, middle, number + 1), (end, source, 1), (middle, end, 2)]
            items = [BatchItem(entry(leg)) for _ in range(10) for leg in legs]
            return sum(outcome.posted for outcome in batch_post(items=items, now=NOW))

        return run

    assert at_once([work(number) for number in range(32)]) == [30] * 32
    assert sum(int(str(balance(account)[0])) for account in accounts) == 30_000
    assert _conflicts() == conflicts


def test_64_identical_batches_have_exactly_one_effect():
    source, payee = funded(100), new_account()
    once = BatchItem(entry((source, payee, 5)), placements=(hold(source, 10),))

    def run() -> ItemOutcome:
        return batch_post(items=[once], now=NOW)[0]

    def warm() -> None:
        """Have the session plan its statements now, as those of a pool have, and not under the lock."""
        payee = new_account()
        item = BatchItem(entry((CASH, payee, 20)), placements=(hold(payee, 10),))
        assert batch_post(items=[item], now=NOW) == [ItemOutcome(posted=True)]

    outcomes = at_once([run] * 64, warm=warm)
    assert outcomes.count(ItemOutcome(posted=True)) == 1
    assert outcomes.count(ItemOutcome(replayed=True)) == 63
    assert (balance(source), balance(payee)) == ((95, 10), (5, 0))


def test_one_key_on_different_accounts_at_once_is_posted_once_and_refused_elsewhere():
    payees = [new_account() for _ in range(16)]
    key = new_key()

    def work(payee: AccountRef) -> Callable[[], ItemOutcome]:
        item = BatchItem(entry((CASH, payee, 5), key=key))
        return lambda: batch_post(items=[item], now=NOW)[0]

    outcomes = at_once([work(payee) for payee in payees])
    assert outcomes.count(ItemOutcome(posted=True)) == 1
    assert outcomes.count(ItemOutcome(refusal=Code.IDEMPOTENCY_KEY_REUSED)) == 15
    assert sum(int(str(balance(payee)[0])) for payee in payees) == 5


def test_batches_with_the_same_keys_in_opposite_orders_are_posted_once():
    account = new_account()
    items = [BatchItem(entry((CASH, account, 1))) for _ in range(50)]

    def work(step: int) -> Callable[[], object]:
        return lambda: sum(outcome.posted for outcome in batch_post(items=items[::step], now=NOW))

    assert sorted(map(int, map(str, at_once([work(step) for step in (1, -1) * 4])))) == [0] * 7 + [50]
    assert balance(account) == (50, 0)


def test_a_lock_not_had_in_time_is_asked_for_again_and_counted():
    account = funded(100)
    conflicts = _conflicts()
    meet = threading.Barrier(2)
    waits: list[float] = []
    waited = threading.Event()

    def keep() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK, [account.id])
            meet.wait(30)
            waited.wait(30)

    def again(seconds: float) -> None:
        waits.append(seconds)
        waited.set()

    def ask() -> None:
        def work() -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET LOCAL lock_timeout = '20ms'" if not waits else "SET LOCAL lock_timeout = '20s'"
                )
            ledger_post(entries=[entry((account, CASH, 1))], now=NOW)

        meet.wait(30)
        transact(work, pause=again)

    assert at_once([keep, ask]) == [None, None]
    assert len(waits) == 1
    assert _conflicts() == conflicts | {"lock_timeout": conflicts.get("lock_timeout", 0) + 1}
    assert balance(account) == (99, 0)


def _conflicts() -> dict[str, float]:
    """Return how many conflicts were counted so far, by kind."""
    (metric,) = CONFLICTS.collect()
    return {s.labels["kind"]: s.value for s in metric.samples if s.name.endswith("_total")}


def test_64_identical_posts_have_exactly_one_effect():
    source, payee = funded(100), new_account()
    once = entry((source, payee, 5))

    def run() -> bool:
        return post(once)[0].replayed

    assert sorted(map(bool, at_once([run] * 64))) == [False] + [True] * 63
    assert (balance(source), balance(payee)) == ((95, 0), (5, 0))
    assert rows("SELECT count(*) FROM billing_transfer WHERE credit_id = %s", payee.id) == [(1,)]


def test_of_many_that_together_want_too_much_only_what_is_covered_gets_through():
    source, payee = funded(100), new_account()

    def run() -> object:
        return post(entry((source, payee, 30)))[0].replayed

    results = at_once([run] * 16)
    refused = [result for result in results if isinstance(result, CuxError)]
    assert results.count(False) == 3
    assert {error.code for error in refused} == {Code.INSUFFICIENT_BALANCE}
    assert len(refused) == 13
    assert (balance(source), balance(payee)) == ((10, 0), (90, 0))


def test_a_hold_is_resolved_once_when_captured_and_released_at_once():
    source, payee = funded(100), new_account()
    placement = hold(source, 60)
    post(placements=(placement,))

    def capture() -> object:
        return post(entry((source, payee, 60)), steps=(HoldStep(placement.hold_id, capture=60),))

    def release() -> object:
        return post(steps=(HoldStep(placement.hold_id, release=60),))

    results = at_once([capture, release] * 8)
    refused = [result for result in results if isinstance(result, CuxError)]
    assert {error.code for error in refused} == {Code.HOLD_NOT_COVERING}
    assert len(refused) == 15
    assert balance(source) in {(40, 0), (100, 0)}


def test_new_accounts_made_by_many_at_once_are_made_once():
    source, payees = funded(1_000), [new_account() for _ in range(8)]

    def run() -> object:
        return len(post(*[entry((source, payee, 1)) for payee in payees]))

    assert at_once([run] * 16) == [8] * 16
    assert {balance(payee) for payee in payees} == {(16, 0)}


def test_a_real_deadlock_is_run_again_and_both_get_through():
    one, other = funded(100), funded(100)
    meet = threading.Barrier(2)
    runs: list[int] = []

    def crossed(first: AccountRef, second: AccountRef) -> Callable[[], object]:
        def body() -> None:
            runs.append(1)
            with connection.cursor() as cursor:
                cursor.execute(LOCK, [first.id])
                if len(runs) <= 2:
                    meet.wait(30)
                cursor.execute(LOCK, [second.id])
            ledger_post(entries=[entry((first, second, 1))], now=NOW)

        return lambda: transact(body)

    assert at_once([crossed(one, other), crossed(other, one)]) == [None, None]
    assert len(runs) == 3
    assert (balance(one), balance(other)) == ((100, 0), (100, 0))


def test_a_conflict_that_never_ends_is_given_up_and_other_errors_at_once():
    pauses: list[float] = []
    runs: list[int] = []

    def conflict() -> None:
        runs.append(1)
        raise OperationalError from psycopg.errors.DeadlockDetected()

    with pytest.raises(CuxError) as refusal:
        transact(conflict, pause=pauses.append)
    assert refusal.value.code is Code.DEPENDENCY_UNAVAILABLE
    assert len(runs) == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 0.01 * 2**number for number, pause in enumerate(pauses, start=1))

    def lost() -> None:
        runs.append(1)
        raise OperationalError("the connection is gone")

    with pytest.raises(OperationalError):
        transact(lost, pause=pauses.append)
    assert len(runs) == ATTEMPTS + 1


def test_inside_a_transaction_a_conflict_is_left_to_whoever_opened_it():
    runs: list[int] = []

    def conflict() -> None:
        runs.append(1)
        raise OperationalError from psycopg.errors.SerializationFailure()

    with pytest.raises(OperationalError), transaction.atomic():
        transact(conflict)
    assert len(runs) == 1


def test_the_same_keys_in_opposite_orders_are_posted_once_without_a_deadlock():
    account = new_account()
    batches = [[entry((CASH, account, 1)) for _ in range(50)] for _ in range(10)]

    def work(step: int) -> Callable[[], object]:
        return lambda: sum(not outcome.replayed for batch in batches for outcome in post(*batch[::step]))

    results = at_once([work(step) for step in (1, -1) * 4])
    assert sum(int(str(result)) for result in results) == 500
    assert balance(account) == (500, 0)
