"""`ledger_verify` passes on sound books and names the first broken row of each planted fault."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from billing.ledger.chart import Kind, of_entitlement, of_house
from billing.ledger.posting import HoldStep
from billing.management.commands import ledger_verify
from billing.selectors.invariants import Finding
from billing.selectors.verify import verify
from billing.services.checkpoint_take import checkpoint_take
from tests.integration.billing.books import CASH, NOW, entry, funded, hold, new_account, post

pytestmark = pytest.mark.usefixtures("db")


@contextmanager
def planted(*statements: tuple[str, list[Any]]) -> Iterator[CursorWrapper]:
    """Break the books inside a transaction that is rolled back: guards off, then the statements."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        for table in ("account", "balance", "checkpoint", "entry", "transfer", "hold", "usagereceipt"):
            cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
        for table in ("balance", "hold", "transfer"):
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
                [f"billing_{table}"],
            )
            for (constraint,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE billing_{table} DROP CONSTRAINT {constraint}")
        for sql, parameters in statements:
            cursor.execute(sql, parameters)
        yield cursor
        transaction.set_rollback(True, using="owner")


def broken(findings: list[Finding]) -> dict[str, str]:
    """Return the broken rules with the row each names."""
    return {finding.name: finding.broken for finding in findings if finding.broken}


def test_sound_books_pass_in_words_and_in_json():
    account, payee = funded(100), new_account()
    placement = hold(account, 30)
    post(placements=(placement,))
    post(entry((account, payee, 10)), steps=(HoldStep(placement.hold_id, capture=10),))
    out = StringIO()
    call_command("ledger_verify", stdout=out)
    assert "trial balance: 0 (USD)" in out.getvalue()
    assert "BROKEN" not in out.getvalue()
    out = StringIO()
    call_command("ledger_verify", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["ok"] is True
    assert report["trial_balance"]["USD"] == 0
    assert {finding["broken"] for finding in report["findings"]} == {None}


def test_broken_books_are_named_and_the_exit_status_says_so(monkeypatch):
    finding = Finding("balance_is_sum", "a rule", "account 1: posted 2, transfers 3")
    monkeypatch.setattr(ledger_verify, "verify", lambda cursor: [finding])
    out = StringIO()
    with pytest.raises(SystemExit) as exit_status:
        call_command("ledger_verify", stdout=out)
    assert exit_status.value.code == 1
    assert "BROKEN  balance_is_sum" in out.getvalue()
    assert "first: account 1: posted 2, transfers 3" in out.getvalue()


def test_an_altered_balance_is_found():
    account = funded(100)
    with planted(("UPDATE billing_balance SET posted = 99 WHERE account_id = %s", [account.id])) as cursor:
        found = broken(verify(cursor))
    assert found["balance_is_sum"] == f"account {account.id}: posted 99, transfers 100"
    assert found["trial_balance_zero"] == "asset USD: -1"


def test_an_altered_held_amount_is_found():
    account = funded(100)
    post(placements=(hold(account, 30),))
    with planted(("UPDATE billing_balance SET held = 29 WHERE account_id = %s", [account.id])) as cursor:
        found = broken(verify(cursor))
    assert found["held_is_sum"] == f"account {account.id}: held 29, open holds 30"


def test_an_overdrawn_balance_is_found():
    account = funded(100)
    with planted(("UPDATE billing_balance SET held = 101 WHERE account_id = %s", [account.id])) as cursor:
        found = broken(verify(cursor))
    assert found["available_above_floor"] == f"account {account.id}: posted 100, held 101, floor 0"


def test_a_missing_and_a_superfluous_balance_row_are_found():
    account = funded(100)
    with planted(("DELETE FROM billing_balance WHERE account_id = %s", [account.id])) as cursor:
        assert broken(verify(cursor))["limits_have_rows"] == f"account {account.id}: funding"
    superfluous = ("INSERT INTO billing_balance VALUES (%s, 0, 0, 0)", [CASH.id])
    with planted(superfluous) as cursor:
        assert broken(verify(cursor))["limits_have_rows"] == f"account {CASH.id}: external_cash"


@pytest.mark.parametrize(
    ("change", "shown"),
    [("amount = -5", "-5 USD"), ("asset = 'CU:x'", "100 CU:x"), ("credit_id = debit_id", "100 USD")],
)
def test_an_altered_transfer_is_found(change, shown):
    account = funded(100)
    where = "WHERE credit_id = %s"
    with planted((f"UPDATE billing_transfer SET {change} {where} RETURNING id", [account.id])) as cursor:
        ((transfer_id,),) = cursor.fetchall()
        found = broken(verify(cursor))
    assert found["transfer_is_sound"] == f"transfer {transfer_id}: {shown}"
    assert "entry_says_its_digest" in found


@pytest.mark.parametrize(
    ("captured", "released", "ended"),
    [(20, 11, None), (-1, 0, None), (10, 20, None), (10, 10, "2026-01-01")],
    ids=["too much", "negative", "not ended", "ended early"],
)
def test_a_hold_that_does_not_add_up_is_found(captured, released, ended):
    account = funded(100)
    placement = hold(account, 30)
    post(placements=(placement,))
    change = "UPDATE billing_hold SET captured = %s, released = %s, ended_at = %s WHERE id = %s"
    with planted((change, [captured, released, ended, placement.hold_id])) as cursor:
        found = broken(verify(cursor))
    assert found["holds_add_up"].startswith(
        f"hold {placement.hold_id}: placed 30, captured {captured}, released {released}"
    )


def test_compute_that_nobody_owes_and_escrow_without_compute_are_found():
    entitlement = uuid.uuid4()
    issue = of_entitlement(Kind.ISSUE, entitlement, "c")
    bought = of_entitlement(Kind.ENTITLEMENT, entitlement, "c")
    escrow = of_entitlement(Kind.ESCROW, entitlement, "c")
    buyer = funded(70)
    post(entry((issue, bought, 500)), entry((buyer, escrow, 70)), issue_floors={issue: -500})
    change = "UPDATE billing_balance SET posted = %s WHERE account_id = %s"
    with planted((change, [499, bought.id])) as cursor:
        found = broken(verify(cursor))
        expected = f"entitlement {entitlement}: undrawn 499, issued -500, escrow 70"
        assert found["compute_is_backed"] == expected
    with planted((change, [0, bought.id]), (change, [0, issue.id])) as cursor:
        found = broken(verify(cursor))
        assert found["compute_is_backed"] == f"entitlement {entitlement}: undrawn 0, issued 0, escrow 70"


def test_money_taken_out_of_transit_that_never_went_in_is_found():
    transit = of_house(Kind.TRANSIT)
    account = funded(1)
    change = "UPDATE billing_transfer SET debit_id = %s, amount = 9000000000000000000 WHERE credit_id = %s"
    post(entry((account, transit, 1)))
    with planted((change, [transit.id, account.id])) as cursor:
        assert broken(verify(cursor))["transit_not_overdrawn"].startswith(f"transit {transit.id}: -")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_entry SET ref = 'other' WHERE id = %s",
        "UPDATE billing_entry SET body_sha256 = sha256('x') WHERE id = %s",
        "UPDATE billing_transfer SET amount = amount + 1 WHERE entry_id = %s",
        "UPDATE billing_transfer SET leg = 1 WHERE entry_id = %s",
        "DELETE FROM billing_transfer WHERE entry_id = %s",
    ],
)
def test_an_entry_that_no_longer_says_its_digest_is_found(change):
    once = entry((CASH, new_account(), 7))
    post(once)
    with planted(("SELECT id FROM billing_entry WHERE key = %s", [once.key])) as cursor:
        ((entry_id,),) = cursor.fetchall()
        cursor.execute(change, [entry_id])
        assert broken(verify(cursor))["entry_says_its_digest"] == f"entry {entry_id}: {once.key}"


@pytest.mark.parametrize(
    "change", ["kind = 'earnings'", "kind = 'unknown'", "asset = 'CU:x'", "organisation_id = NULL"]
)
def test_an_account_that_became_another_is_found(change):
    account = funded(1)
    with planted((f"UPDATE billing_account SET {change} WHERE id = %s", [account.id])) as cursor:
        found = broken(verify(cursor))["account_says_its_id"]
    assert found.startswith(f"account {account.id}: ")


def test_guards_that_are_gone_are_found():
    with planted() as cursor:
        found = broken(verify(cursor))
    assert found == {
        "guards_stand": "constraint balance_available_not_below_floor of billing_balance: is not there"
    }


def test_a_checkpoint_that_is_no_sum_is_found():
    post(entry((CASH, new_account(), 100)))
    checkpoint_take(now=NOW)
    with planted(
        (
            "UPDATE billing_checkpoint SET posted = posted + 1 WHERE account_id = %s"
            " AND cut_xid = (SELECT max(cut_xid) FROM billing_checkpoint) RETURNING cut_xid, posted",
            [CASH.id],
        )
    ) as cursor:
        ((cut, posted),) = cursor.fetchall()
        found = broken(verify(cursor))
    assert found["checkpoint_is_sum"] == f"checkpoint of {CASH.id} at {cut}: {posted}, transfers {posted - 1}"


def test_usage_that_two_sessions_slipped_past_the_trigger_is_found():
    lease, organisation_id = uuid.uuid4(), uuid.uuid4()
    sql = (
        "INSERT INTO billing_usagereceipt (lease_id, sequence, organisation_id, compute_ucu)"
        " VALUES (%s, 5, %s, 50), (%s, 6, %s, 49)"
    )
    with planted((sql, [lease, organisation_id] * 2)) as cursor:
        found = broken(verify(cursor))
    assert found["usage_never_falls"] == f"lease {lease} at 6: 49 µCU after 50"
