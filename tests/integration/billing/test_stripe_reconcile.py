"""Reconciliation against the double of Stripe: every flow agrees, and each break is named."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from billing.ledger.chart import Kind
from billing.models import Reconciliation
from billing.selectors.stripe_books import GRACE
from billing.services.stripe_reconcile import OVERLAP, stripe_reconcile, stripe_reconcile_daily
from core.clock import utc_now
from tests.database import refused_by_database
from tests.integration.billing.card_world import CENT, USD, intent
from tests.integration.billing.card_world import step as deposit_step
from tests.integration.billing.dispute_world import opened, to_funding, won
from tests.integration.billing.payout_world import (
    account,
    decide,
    earn,
    give,
    level,
    move,
    payer,
    posted,
    provider,
    step,
)


@pytest.fixture
def since(double) -> datetime:
    """When the books and the double began to agree."""
    return level(double)


def compared(since: datetime, later: timedelta = timedelta(0)) -> Reconciliation:
    """Compare what was since then, at a later moment."""
    return stripe_reconcile(now=utc_now() + later, since=since)


def test_every_flow_agrees_with_stripe(double, since):
    who = provider(double)
    payer_id, deposit = payer(double, 200)
    earn(who, payer_id, 40 * USD)
    to_funding(payer_id, 100 * USD)
    give(who, 90 * USD)
    won(double, opened(double, deposit, amount=50_00))
    opened(double, payer(double, 30)[1])
    assert step(decide(who, usd=50)).state == "paid_out"
    back = step(decide(who, usd=20))
    double.control(f"payouts/{back.stripe_payout_id}/fail")
    assert step(back).state == "returned"
    double.control("top_up/platform", amount=70_00)
    row = compared(since)
    assert row.breaks == []
    at_stripe = double.platform_cents() * CENT
    assert (row.stripe_nano_usd, row.ledger_nano_usd, row.waiting_nano_usd) == (at_stripe, at_stripe, 0)
    assert row.movements == 9
    assert compared(since, 2 * GRACE).breaks == []
    totals = {part: sum(figures.values()) for part, figures in row.figures.items()}
    assert totals["assets"] == totals["liabilities"] + totals["equity"]


def test_money_that_came_unheard_waits_for_an_hour_and_then_is_a_break(double, since):
    who, _ = payer(double, 10)
    deposit = deposit_step(intent(who, 100))
    double.pay(deposit.checkout_url)
    row = compared(since)
    assert (row.breaks, row.waiting_nano_usd) == ([], 100 * USD - 320 * CENT)
    first, *_ = compared(since, 2 * GRACE).breaks
    assert first.startswith("charge txn_")
    assert first.endswith("has no entry")
    deposit_step(deposit)
    assert compared(since, 2 * GRACE).breaks == []


def test_an_entry_that_stripe_knows_nothing_of_is_a_break(double, since):
    payer(double, 10)
    move((account(Kind.STRIPE_CLEARING), account(Kind.EXTERNAL_CASH), 3 * USD), at=since)
    others_later = max(since - utc_now(), timedelta(0))  # tests beside this one book in times to come
    row = compared(since, others_later + 2 * GRACE)
    assert row.breaks[0].startswith("entry test:")
    assert row.breaks[1].endswith("and 0 is on its way")
    assert row.breaks[2] == f"assets are {-3 * USD} more than liabilities and equity"
    assert not row.is_clean
    move((account(Kind.EXTERNAL_CASH), account(Kind.STRIPE_CLEARING), 3 * USD))


def test_a_payout_without_its_money_in_transit_is_a_break(double, since):
    move((account(Kind.EXTERNAL_CASH), account(Kind.PAYOUTS_IN_TRANSIT), USD))
    (broken,) = compared(since).breaks
    open_payouts = posted(Kind.PAYOUTS_IN_TRANSIT) - USD
    assert broken == f"in transit are {open_payouts + USD}, open payouts {open_payouts}"
    move((account(Kind.PAYOUTS_IN_TRANSIT), account(Kind.EXTERNAL_CASH), USD))
    assert compared(since).breaks == []


def test_the_command_says_what_broke_and_exits_with_1(double, since):
    out = StringIO()
    call_command("stripe_reconcile", "--json", since=since, stdout=out)
    assert json.loads(out.getvalue())["ok"] is True
    call_command("stripe_reconcile", since=since, stdout=out)
    assert "every movement is posted once" in out.getvalue()
    move((account(Kind.EXTERNAL_CASH), account(Kind.PAYOUTS_IN_TRANSIT), USD))
    out = StringIO()
    with pytest.raises(SystemExit) as exit:
        call_command("stripe_reconcile", since=since, stdout=out)
    move((account(Kind.PAYOUTS_IN_TRANSIT), account(Kind.EXTERNAL_CASH), USD))
    assert exit.value.code == 1
    assert "BROKEN  in transit are" in out.getvalue()


def test_it_is_done_once_a_day(double, since):
    day = datetime(2031, 5, 1, 0, 5, tzinfo=UTC)
    assert [stripe_reconcile_daily(now=day + timedelta(hours=hours)) for hours in (0, 1, 23)] == [
        True,
        False,
        False,
    ]
    assert stripe_reconcile_daily(now=day + timedelta(days=1))


@pytest.mark.parametrize("sql", ["UPDATE {0} SET breaks = '[]'", "DELETE FROM {0}"])
def test_the_history_stays(db, sql):
    statement = sql.format("billing_reconciliation") + " WHERE false"
    assert refused_by_database("default", statement) == "42501"
    assert refused_by_database("owner", statement) == "CX004"


def test_it_goes_back_to_the_last_time_that_all_agreed(double, since):
    payer(double, 10)
    first = compared(since)
    assert (first.breaks, first.movements) == ([], 1)
    again = stripe_reconcile(now=utc_now())
    assert again.since == first.read_at - OVERLAP
