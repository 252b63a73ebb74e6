"""`ledger_verify` names the deposit or refund that does not say what its entry says, whatever was changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction

from billing.selectors import card_money_invariants as rules
from billing.selectors.verify import verify
from tests.integration.billing.card_world import USD, paid
from tests.integration.billing.refund_world import ask, funded, pull, step

pytestmark = pytest.mark.usefixtures("double")
OURS = {invariant.name for invariant in rules.INVARIANTS}


@contextmanager
def planted(sql: str, *parameters: Any) -> Iterator[dict[str, str]]:
    """Yield which of our rules a change breaks; guards are off, and it is rolled back."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        for table in ("deposit", "refund"):
            cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
                [f"billing_{table}"],
            )
            for (constraint,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE billing_{table} DROP CONSTRAINT {constraint}")
        cursor.execute(sql, parameters)
        found = verify(cursor)
        transaction.set_rollback(True, using="owner")
    yield {row.name: row.broken for row in found if row.broken and row.name in OURS}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("amount_nano_usd = amount_nano_usd + 10000000", "deposit_is_posted"),
        ("tax_nano_usd = 10000000", "deposit_is_posted"),
        ("stripe_fee_nano_usd = 0", "deposit_is_posted"),
        ("payment_intent_id = 'pi_another'", "deposit_is_posted"),
        ("entry_id = NULL", "deposit_is_posted"),
        ("state = 'failed', entry_id = NULL", "posted_deposit_has_row"),
        ("refunded_nano_usd = 10000000", "refunded_is_sum"),
    ],
)
def test_a_changed_deposit_is_named(double, change, rule):
    deposit = paid(double, funded(double), 20)
    with planted(f"UPDATE billing_deposit SET {change} WHERE id = %s", deposit.id) as broken:
        named = str(deposit.entry_id if rule == "posted_deposit_has_row" else deposit.id)
        assert named in broken[rule]
    with planted("SELECT 1") as broken:
        assert broken == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("card_nano_usd = card_nano_usd + 10000000", "refund_is_posted"),
        ("state = 'failed', entry_id = NULL", "posted_refund_has_row"),
        ("state = 'held'", "refund_holds_its_money"),
        ("amount_nano_usd = 10000000", "refunded_is_sum"),
    ],
)
def test_a_changed_refund_is_named(double, change, rule):
    who = funded(double, 20)
    (refund,) = ask(who, 10 * USD)
    assert step(pull(refund)).state == "succeeded"
    of = {"posted_refund_has_row": refund.entry_id, "refunded_is_sum": refund.deposit_id}
    with planted(f"UPDATE billing_refund SET {change} WHERE id = %s", refund.id) as broken:
        assert str(of.get(rule, refund.id)) in broken[rule]


def test_a_refund_that_holds_nothing_is_named(double):
    (refund,) = ask(funded(double, 20), 10 * USD)
    pull(refund)
    with planted("UPDATE billing_refund SET state = 'failed' WHERE id = %s", refund.id) as broken:
        assert f"{10 * USD}" in broken["refund_holds_its_money"]
