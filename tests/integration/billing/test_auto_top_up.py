"""Automatic top-ups: when little is left, within the cap, never two at once, off after three declines."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.models import AutoTopUp, Deposit
from billing.selectors.auto_top_up import auto_top_up_get, running_low
from billing.services.auto_top_up import auto_top_up_begin, auto_top_ups_run
from billing.services.auto_top_up_set import auto_top_up_set
from billing.services.deposits_reconcile import deposits_reconcile
from core.clock import utc_now
from cux.wire.payments import AutoTopUpRules
from tests.integration.billing.books import CASH, entry, post
from tests.integration.billing.card_world import USD, at_hand, intent, organisation, saved_card, step
from tests.integration.billing.test_stripe_inbox import at_once

pytestmark = pytest.mark.usefixtures("double")


def with_rules(double, number: str = "4242424242424242", *, cap: int = 500) -> uuid.UUID:
    """Return an organisation with nothing, which is to pay in $50 when less than $10 is left."""
    who = organisation()
    rules = AutoTopUpRules(
        threshold_nano_usd=10 * USD,
        amount_nano_usd=50 * USD,
        monthly_cap_nano_usd=cap * USD,
        payment_method=saved_card(double, who, number),
    )
    auto_top_up_set(organisation_id=who, rules=rules, now=utc_now())
    return who


def run(who: uuid.UUID, now: datetime | None = None) -> Deposit | None:
    """Run the top-ups once, charge, and return this organisation's newest."""
    now = now or utc_now()
    auto_top_ups_run(now=now)
    newest = Deposit.objects.filter(organisation_id=who).order_by("-id").first()
    return step(newest, now) if newest is not None else None


def spend(who: uuid.UUID, amount: int) -> None:
    """Have money on its way to the wallet arrive and be spent but for `amount`."""
    transit, wallet = of_house(Kind.TRANSIT), of_organisation(Kind.WALLET, who)
    post(entry((transit, wallet, 50 * USD)))
    post(entry((wallet, CASH, 50 * USD - amount)))


def test_money_is_paid_in_when_little_is_left_and_not_before(double):
    who = with_rules(double)
    deposit = run(who)
    assert (deposit.state, deposit.method, at_hand(who)) == ("succeeded", "auto_top_up", 50 * USD)
    assert run(who) == deposit, "what is on its way counts as there"
    spend(who, 10 * USD)
    assert run(who) == deposit, "the threshold itself is enough"
    post(entry((of_organisation(Kind.WALLET, who), CASH, 1)))
    assert run(who) != deposit
    assert at_hand(who) == 60 * USD - 1


def test_runs_at_once_begin_one(double):
    who = with_rules(double)
    now = utc_now()
    begun = at_once(*[lambda: auto_top_up_begin(organisation_id=who, now=now)] * 6)
    assert sum(begun) == 1
    assert who not in running_low(now=now), "one is under way"
    assert Deposit.objects.filter(organisation_id=who).count() == 1


def test_the_database_allows_one_at_once(double):
    who = with_rules(double)
    assert auto_top_up_begin(organisation_id=who, now=utc_now())
    second = Deposit(organisation_id=who, method="auto_top_up", amount_nano_usd=5 * USD, state="open")
    with pytest.raises(IntegrityError, match="deposit_one_auto_top_up_at_once"), transaction.atomic():
        second.save(force_insert=True)


def test_the_cap_of_a_month_is_kept_and_the_next_month_begins_anew(double):
    who = with_rules(double, cap=100)
    for _ in range(2):
        assert run(who).state == "succeeded"
        spend(who, 0)
    assert auto_top_up_get(organisation_id=who, now=utc_now()).this_month_nano_usd == 100 * USD
    now = utc_now()
    run(who, now)
    assert Deposit.objects.filter(organisation_id=who).count() == 2
    next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert auto_top_up_begin(organisation_id=who, now=next_month)
    assert auto_top_up_get(organisation_id=who, now=next_month).this_month_nano_usd == 50 * USD


def test_declines_pause_and_the_third_ends_it(double):
    who, now = with_rules(double, "4000000000000341"), utc_now()
    for number, pause in ((1, 1), (2, 2)):
        assert run(who, now).state == "failed"
        rules = AutoTopUp.objects.get(organisation_id=who)
        assert (rules.is_on, rules.declines) == (True, number)
        assert rules.next_try_at == now + timedelta(hours=pause)
        now = rules.next_try_at - timedelta(seconds=1)
        assert who not in running_low(now=now)
        now += timedelta(seconds=1)
    assert run(who, now).state == "failed"
    rules = AutoTopUp.objects.get(organisation_id=who)
    assert (rules.is_on, rules.off_reason) == (False, "declined")
    assert run(who, now + timedelta(days=9)).state == "failed"
    assert (Deposit.objects.filter(organisation_id=who).count(), at_hand(who)) == (3, 0)


def test_a_success_forgets_declines(double):
    who = with_rules(double)
    AutoTopUp.objects.filter(organisation_id=who).update(declines=2)
    assert run(who).state == "succeeded"
    assert AutoTopUp.objects.get(organisation_id=who).declines == 0


def test_the_limit_of_tries_holds_for_top_ups_too(double):
    who, now = with_rules(double), utc_now()
    for _ in range(10):
        intent(who, now=now)
    assert auto_top_up_begin(organisation_id=who, now=now) is False
    assert AutoTopUp.objects.get(organisation_id=who).next_try_at == now + timedelta(seconds=3_601)


def test_a_process_that_dies_after_the_intent_is_followed_by_one_that_charges_once(double):
    who = with_rules(double)
    auto_top_up_begin(organisation_id=who, now=utc_now())
    for _ in range(2):
        deposits_reconcile(now=utc_now() + timedelta(seconds=1))
        auto_top_ups_run(now=utc_now())
    assert at_hand(who) == 50 * USD


@pytest.mark.parametrize(
    "change",
    [{"monthly_cap_nano_usd": 1}, {"amount_nano_usd": 0}, {"threshold_nano_usd": 0}, {"is_on": False}],
    ids=lambda change: next(iter(change)),
)
def test_guards_of_top_ups(double, change):
    who = with_rules(double)
    with pytest.raises(IntegrityError), transaction.atomic():
        AutoTopUp.objects.filter(organisation_id=who).update(**change)
