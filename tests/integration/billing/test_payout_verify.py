"""`ledger_verify` names the payout, dispute or card lot that does not say what its entries say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction

from billing.models import CardSpend, Entry, Payout
from billing.selectors import payout_invariants, risk_invariants
from billing.selectors.verify import verify
from tests.integration.billing.card_world import USD
from tests.integration.billing.dispute_world import opened, won
from tests.integration.billing.payout_world import decide, earn, give, payer, provider, step

OURS = {rule.name for rule in (*payout_invariants.INVARIANTS, *risk_invariants.INVARIANTS)}
TABLES = ("payout", "dispute", "disputetaking", "cardlot", "cardspend", "deposit")


@contextmanager
def planted(sql: str, *parameters: Any) -> Iterator[dict[str, str]]:
    """Yield which of our rules a change breaks; guards are off, and it is rolled back."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        for table in TABLES:
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
        ("amount_nano_usd = amount_nano_usd + 10000000", "payout_is_posted"),
        ("transfer_id = NULL", "payout_is_posted"),
        ("state = 'blocked', decided_at = NULL", "payout_is_posted"),
        ("state = 'returned'", "payout_is_posted"),
        ("state = 'decided', transfer_id = NULL", "in_transit_is_decided_payouts"),
        ("state = 'reversed', reversed_at = now()", "in_transit_is_decided_payouts"),
        ("reversed_at = now()", "payout_is_posted"),
        ("state = 'kept'", "payout_is_posted"),
    ],
)
def test_a_changed_payout_is_named(double, change, rule):
    double.control("top_up/platform", amount=100_00)
    who = provider(double)
    give(who, 20 * USD)
    payout = step(decide(who))
    assert payout.state == "paid_out"
    with planted(f"UPDATE billing_payout SET {change} WHERE id = %s", payout.id) as broken:
        assert str(payout.id) in broken["payout_is_posted"]
        assert rule in broken
    with planted("SELECT 1") as broken:
        assert broken == {}


def test_an_entry_of_a_payout_that_is_gone_is_named(double):
    who = provider(double)
    give(who, 20 * USD)
    payout = decide(who)
    with planted("DELETE FROM billing_payout WHERE id = %s", payout.id) as broken:
        assert str(Entry.objects.get(key=f"payout:{payout.id}").id) in broken["posted_payout_has_row"]
        assert "in_transit_is_decided_payouts" in broken
    assert Payout.objects.filter(id=payout.id).exists()


@pytest.fixture
def disputed(double):
    """A dispute that took of a provider's earnings and hold-back, and gave all back."""
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    earn(who, payer_id, 50 * USD, held_back=30 * USD)
    return won(double, opened(double, deposit))


@pytest.mark.parametrize(
    ("table", "change", "rule"),
    [
        ("dispute", "withdrawn_nano_usd = withdrawn_nano_usd + 1", "dispute_is_posted"),
        ("dispute", "fee_nano_usd = 0", "dispute_is_posted"),
        ("dispute", "reinstated_nano_usd = 0", "dispute_is_posted"),
        ("dispute", "stripe_dispute_id = 'du_another'", "posted_dispute_has_row"),
        ("dispute", "of_deposit_nano_usd = 1", "disputed_is_sum"),
        ("disputetaking", "given_back_nano_usd = 0", "dispute_is_posted"),
        ("disputetaking", "amount_nano_usd = amount_nano_usd + 1", "dispute_is_posted"),
        ("cardspend", "taken_nano_usd = 1", "disputed_is_sum"),
        ("cardspend", "earned_nano_usd = earned_nano_usd - 1", "card_lots_not_overspent"),
        ("cardspend", "earned_nano_usd = 0", "risk_holds_are_of_card_money"),
        ("cardlot", "returned_nano_usd = amount_nano_usd", "card_lots_not_overspent"),
    ],
)
def test_a_changed_dispute_lot_or_spend_is_named(disputed, table, change, rule):
    of = {
        "dispute": f"id = '{disputed.id}'",
        "disputetaking": f"dispute_id = '{disputed.id}'",
        "cardlot": f"payment_intent_id = '{disputed.payment_intent_id}'",
        "cardspend": f"id = '{CardSpend.objects.latest('id').id}'",
    }
    with planted(f"UPDATE billing_{table} SET {change} WHERE {of[table]}") as broken:
        assert rule in broken
    with planted("SELECT 1") as broken:
        assert broken == {}
