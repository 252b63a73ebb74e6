"""What the database itself refuses, to the application and to the owner alike."""

import uuid

import pytest
from django.db import connections, transaction

from billing.ledger.chart import Kind, of_entitlement
from billing.ledger.posting import HoldStep
from tests.database import refused_by_database
from tests.integration.billing.books import CASH, entry, funded, hold, new_account, post, rows, state

pytestmark = pytest.mark.usefixtures("db")

CHANGES = [
    "UPDATE billing_{0} SET id = id WHERE false",
    "DELETE FROM billing_{0} WHERE false",
    "TRUNCATE billing_{0} CASCADE",
]


@pytest.mark.parametrize("table", ["entry", "transfer"])
@pytest.mark.parametrize("sql", CHANGES)
def test_entries_and_transfers_are_append_only(sql, table):
    account = funded(10)
    before = state(account)
    assert refused_by_database("default", sql.format(table)) == "42501"  # no right to
    assert refused_by_database("owner", sql.format(table)) == "CX004"  # every right, and the trigger
    assert state(account) == before


@pytest.mark.parametrize("table", ["hold", "balance"])
@pytest.mark.parametrize("sql", CHANGES[1:])
def test_holds_and_balances_are_never_deleted(sql, table):
    assert refused_by_database("default", sql.format(table)) == "42501"
    assert refused_by_database("owner", sql.format(table)) == "CX004"


@pytest.mark.parametrize("sql", CHANGES)
def test_accounts_stay_as_they_are(sql):
    assert refused_by_database("default", sql.format("account")) == "42501"
    assert refused_by_database("owner", sql.format("account")) == "CX004"


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_transfer_is_written_with_its_entry_between_accounts_of_its_asset(alias):
    account, other, compute = funded(10), funded(10), of_entitlement(Kind.ENTITLEMENT, uuid.uuid4(), "c")
    issue = of_entitlement(Kind.ISSUE, compute.entitlement_id, "c")
    old = entry((CASH, account, 1))
    post(old)
    post(entry((issue, compute, 5)), issue_floors={issue: -5})
    before = state(account, other, compute, issue)
    sql = (
        "WITH fresh AS (INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at)"
        " VALUES (uuidv7(), uuidv7()::text, 'x', 'test', '', now()) RETURNING id)"
        " INSERT INTO billing_transfer (entry_id, leg, debit_id, credit_id, amount, asset)"
        " SELECT {0}, 7, %s, %s, 1, %s FROM fresh"
    )
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(sql.format("fresh.id"), [account.id, other.id, "USD"])
        transaction.set_rollback(True, using=alias)
    added_later = f"(SELECT id FROM billing_entry WHERE key = '{old.key}')"
    for entry_id, debit, credit, asset in (
        ("fresh.id", uuid.uuid4(), other.id, "USD"),
        ("fresh.id", account.id, uuid.uuid4(), "USD"),
        ("fresh.id", compute.id, other.id, "USD"),
        ("fresh.id", account.id, compute.id, "USD"),
        ("fresh.id", account.id, other.id, "CU:c"),
        ("uuidv7()", account.id, other.id, "USD"),
        (added_later, account.id, other.id, "USD"),
    ):
        assert refused_by_database(alias, sql.format(entry_id), debit, credit, asset) == "23503"
    assert state(account, other, compute, issue) == before


@pytest.mark.parametrize("alias", ["default", "owner"])
@pytest.mark.parametrize("account_id", [CASH.id, uuid.UUID(int=1)], ids=["no limit", "unknown"])
def test_a_hold_is_on_an_account_with_a_limit(alias, account_id):
    post(entry((CASH, new_account(), 1)))
    sql = (
        "INSERT INTO billing_hold (id, account_id, kind, ref, placed, captured, released)"
        " VALUES (uuidv7(), %s, 'test', '', 1, 0, 0)"
    )
    assert refused_by_database(alias, sql, account_id) == "23503"


@pytest.mark.parametrize(
    "change",
    [
        "placed = placed + 1",
        "ref = 'other'",
        "expires_at = now()",
        "account_id = gen_random_uuid()",
        "captured = captured - 1",
        "released = released - 1",
    ],
)
def test_what_a_hold_placed_never_changes_and_its_parts_only_grow(change):
    account, payee = funded(10), new_account()
    placement = hold(account, 5)
    post(placements=(placement,))
    post(entry((account, payee, 1)), steps=(HoldStep(placement.hold_id, capture=1, release=1),))
    before = state(account)
    sql = f"UPDATE billing_hold SET {change} WHERE id = %s"
    assert refused_by_database("owner", sql, placement.hold_id) == "CX004"
    assert state(account) == before


@pytest.mark.parametrize("change", ["ended_at = now()", "ended_at = NULL, released = 4", "released = 6"])
def test_a_holds_end_is_recorded_once(change):
    account = funded(10)
    placement = hold(account, 5)
    post(placements=(placement,))
    post(steps=(HoldStep(placement.hold_id, release=5),))
    before = state(account)
    sql = f"UPDATE billing_hold SET {change} WHERE id = %s"
    assert refused_by_database("default", sql, placement.hold_id) == "CX004"
    assert state(account) == before


@pytest.mark.parametrize(
    "change", ["posted = -1", "held = 11", "held = -1"], ids=["overdrawn", "overheld", "negative"]
)
def test_a_balance_row_cannot_break_its_rule(change):
    account = funded(10)
    before = state(account)
    assert (
        refused_by_database(
            "default", f"UPDATE billing_balance SET {change} WHERE account_id = %s", account.id
        )
        == "23514"
    )
    assert state(account) == before


@pytest.mark.parametrize(
    ("table", "column"), [("balance", "floor"), ("account", "kind"), ("hold", "placed"), ("hold", "ref")]
)
def test_the_application_may_not_change_what_is_settled_at_birth(table, column):
    sql = f"UPDATE billing_{table} SET {column} = {column} WHERE false"
    assert refused_by_database("default", sql) == "42501"


def test_a_key_is_unique_whoever_writes():
    account = new_account()
    once = entry((CASH, account, 1))
    post(once)
    sql = (
        "INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at)"
        " SELECT uuidv7(), key, body_sha256, kind, ref, event_at FROM billing_entry WHERE key = %s"
    )
    assert refused_by_database("default", sql, once.key) == "23505"


def test_a_row_names_the_transaction_that_wrote_it():
    account = funded(10)
    post(placements=(hold(account, 5),))
    ((entry_xid, hold_xid),) = rows(
        "SELECT e.xid, h.xid FROM billing_hold h JOIN billing_transfer t ON t.credit_id = h.account_id"
        " JOIN billing_entry e ON e.id = t.entry_id WHERE h.account_id = %s",
        account.id,
    )
    ((next_xid,),) = rows("SELECT core_xid()")
    assert 0 < entry_xid < hold_xid < next_xid


@pytest.mark.parametrize("shift", [-1, 1], ids=["earlier", "later"])
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_row_cannot_name_another_transaction(alias, shift):
    account = funded(10)
    before = state(account)
    entry_sql = (
        "INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at, xid)"
        " VALUES (uuidv7(), uuidv7()::text, 'x', 'test', '', now(), core_xid() + %s)"
    )
    hold_sql = (
        "INSERT INTO billing_hold (id, account_id, kind, ref, placed, captured, released, xid)"
        " VALUES (uuidv7(), %s, 'test', '', 1, 0, 0, core_xid() + %s)"
    )
    assert refused_by_database(alias, entry_sql, shift) == "CX004"
    assert refused_by_database(alias, hold_sql, account.id, shift) == "CX004"
    assert state(account) == before
