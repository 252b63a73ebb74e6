"""The short way of one transfer posts what is plain, and leaves all else to the whole function, untouched."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from billing.ledger.chart import AccountRef, Kind, of_house
from billing.ledger.posting import BatchItem, JournalEntry
from billing.services.batch_post import ItemOutcome, batch_post
from billing.services.transfer_post import transfer_statement
from core.clock import utc_now
from core.errors import Code
from core.money import BIGINT_MAX
from tests.integration.billing.books import CASH, NOW, balance, entry, funded, hold, new_account, post, rows

pytestmark = pytest.mark.usefixtures("db")
FEES = of_house(Kind.FEE_INCOME)


def is_posted_short(posting: JournalEntry) -> bool:
    """Post it by the short way alone, in a transaction of its own, and tell what it said."""
    statement = transfer_statement([BatchItem(posting)], NOW)
    assert statement is not None
    numbers = range(len(statement.parameters), 0, -1)
    sql = statement.sql
    for number in numbers:
        sql = sql.replace(f"${number}::", "%s::")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [value.decode() for value in statement.parameters if value is not None])
        (posted,) = cursor.fetchone() or (None,)
    return bool(posted)


def is_written(posting: JournalEntry) -> bool:
    """Tell whether an entry stands under this key."""
    return bool(rows("SELECT FROM billing_entry WHERE key = %s", posting.key))


def test_one_transfer_is_posted_with_all_that_it_says():
    source, payee = funded(100), funded(7)
    posting = entry((source, payee, 30))
    assert is_posted_short(posting)
    assert (balance(source), balance(payee)) == ((70, 0), (37, 0))
    assert rows(
        "SELECT leg, debit_id, credit_id, amount, asset, kind, ref, event_at, booked_at, body_sha256"
        " FROM billing_transfer t JOIN billing_entry e ON e.id = t.entry_id WHERE e.key = %s",
        posting.key,
    ) == [(0, source.id, payee.id, 30, "USD", "test", posting.ref, NOW, NOW, posting.body_sha256)]


@pytest.mark.parametrize("way", ["out", "in", "between"])
def test_house_accounts_without_a_limit_are_paid_and_pay(way):
    account = funded(50)
    post(entry((CASH, FEES, 1)))
    debit, credit = {"out": (account, FEES), "in": (CASH, account), "between": (CASH, FEES)}[way]
    assert is_posted_short(entry((debit, credit, 10)))
    assert balance(account) == {"out": (40, 0), "in": (60, 0), "between": (50, 0)}[way]


def test_all_of_what_is_available_may_go_and_no_more():
    source, payee = funded(100), funded(1)
    post(placements=(hold(source, 40),))
    more, all_of_it = entry((source, payee, 61)), entry((source, payee, 60))
    assert not is_posted_short(more)
    assert not is_written(more)
    assert is_posted_short(all_of_it)
    assert (balance(source), balance(payee)) == ((40, 40), (61, 0))


def unknown_payee() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    source = funded(10)
    return entry((source, new_account(), 4)), source, ItemOutcome(posted=True)


def unknown_payer() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    payee = funded(10)
    return entry((new_account(), payee, 4)), payee, ItemOutcome(refusal=Code.INSUFFICIENT_BALANCE)


def known_key() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    source, payee = funded(10), funded(1)
    posting = entry((source, payee, 10))
    post(posting)
    return posting, payee, ItemOutcome(replayed=True)


def known_key_of_another_body() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    source, payee = funded(10), funded(1)
    posting = entry((source, payee, 1))
    post(posting)
    return (
        entry((source, payee, 2), key=posting.key),
        payee,
        ItemOutcome(refusal=Code.IDEMPOTENCY_KEY_REUSED),
    )


def too_large() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    account = funded(1)
    return entry((CASH, account, BIGINT_MAX)), account, ItemOutcome(refusal=Code.NUMBER_TOO_LARGE)


def held_till_just_now() -> tuple[JournalEntry, AccountRef, ItemOutcome]:
    source, payee = funded(10), funded(1)
    post(placements=(hold(source, 6, expires_at=utc_now() - timedelta(seconds=1)),))
    with connection.cursor() as cursor:
        cursor.execute("SELECT held FROM billing_balance WHERE account_id = %s", [source.id])
        assert cursor.fetchone() == (6,)
    return entry((source, payee, 9)), payee, ItemOutcome(posted=True)


@pytest.mark.parametrize(
    "prepared",
    [
        unknown_payee,
        unknown_payer,
        known_key,
        known_key_of_another_body,
        too_large,
        held_till_just_now,
    ],
)
def test_what_is_not_plain_is_left_as_it_was_and_decided_by_the_whole_function(prepared):
    posting, account, outcome = prepared()
    before, stands = balance(account), is_written(posting)
    assert not is_posted_short(posting)
    assert (balance(account), is_written(posting)) == (before, stands)
    assert batch_post(items=[BatchItem(posting)], now=NOW) == [outcome]


def test_more_and_less_than_one_transfer_goes_another_way():
    source, payee = funded(10), funded(10)
    one = entry((source, payee, 1))
    many = [
        [],
        [BatchItem(one), BatchItem(one)],
        [BatchItem(entry((source, payee, 1), (payee, source, 1)))],
        [BatchItem(placements=(hold(source, 1),))],
        [BatchItem(one, placements=(hold(source, 1),))],
    ]
    assert [transfer_statement(items, NOW) for items in many] == [None] * 5
