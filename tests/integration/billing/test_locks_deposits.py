"""What the locks around deposits and card money are for: two who decide at once, and one outcome."""

import dataclasses
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from billing import stripe_gateway as gateway
from billing.models import AutoTopUp, CardLot, CardSpend, Deposit
from billing.rules.limits import TRIES_PER_HOUR
from billing.services import checkout_start, deposit_step
from billing.services.auto_top_up import auto_top_up_begin, auto_top_up_told
from billing.services.auto_top_up_set import auto_top_up_end
from billing.services.card_lots import (
    LotReturn,
    lot_open,
    lot_return,
    lots_at_risk_until,
    lots_come_back,
    lots_spend,
)
from billing.services.deposit_apply import deposit_apply, deposit_expire
from core.clock import utc_now
from core.errors import Code
from tests.integration.billing.card_world import USD, at_hand, intent, organisation, step
from tests.races import race
from tests.stripe import GOOD_CARD

pytestmark = pytest.mark.usefixtures("db")
Late = Callable[[Deposit, gateway.CheckoutSession, gateway.Payment], bool]


def older_word(deposit: Deposit, page: gateway.CheckoutSession, early: gateway.Payment) -> bool:
    return deposit_apply(deposit_id=deposit.id, payment=early, now=utc_now())


def end_of_page(deposit: Deposit, page: gateway.CheckoutSession, early: gateway.Payment) -> bool:
    return deposit_expire(deposit_id=deposit.id, now=utc_now())


def own_page(deposit: Deposit, page: gateway.CheckoutSession, early: gateway.Payment) -> bool:
    return checkout_start._note(deposit, page)


def refusal(deposit: Deposit, page: gateway.CheckoutSession, early: gateway.Payment) -> bool:
    return deposit_step._failed(deposit, "card_declined", "No.", utc_now())


@pytest.mark.parametrize("late", [older_word, end_of_page, own_page, refusal])
def test_what_comes_late_does_not_undo_that_a_deposit_was_paid(double, late: Late):
    who = organisation()
    deposit = step(intent(who, 100))
    page = gateway.checkout_get(str(deposit.checkout_session_id))
    assert double.pay(deposit.checkout_url, GOOD_CARD) is not None
    paid = gateway.payment_get(str(gateway.checkout_get(page.id).payment_id))
    Deposit.objects.filter(id=deposit.id).update(checkout_session_id=None)  # its answer is under way
    outcome = race(
        lambda: deposit_apply(deposit_id=deposit.id, payment=paid, now=utc_now()),
        lambda: late(deposit, page, dataclasses.replace(paid, status="processing")),
    )
    deposit.refresh_from_db()
    assert (outcome, deposit.state, at_hand(who)) == ((True, False), "succeeded", 100 * USD)
    assert (deposit.payment_intent_id, deposit.failure_code) == (paid.id, "")


def test_two_who_pay_in_at_once_are_within_the_tries_of_an_hour(db):
    who = organisation()
    for _ in range(TRIES_PER_HOUR - 1):
        intent(who)
    _, second = race(lambda: intent(who), lambda: intent(who))
    assert second is Code.TOO_MANY_PAYMENTS
    assert Deposit.objects.filter(organisation_id=who).count() == TRIES_PER_HOUR


def top_ups(who: uuid.UUID) -> AutoTopUp:
    """Have $50 be paid in by a saved card when less than $10 is left."""
    return AutoTopUp.objects.create(
        organisation_id=who,
        threshold_nano_usd=10 * USD,
        amount_nano_usd=50 * USD,
        monthly_cap_nano_usd=500 * USD,
        payment_method_id="pm_card",
        next_try_at=utc_now() - timedelta(hours=1),
    )


def test_no_top_up_begins_as_its_owner_switches_them_off():
    who = organisation()
    top_ups(who)
    _, begun = race(
        lambda: auto_top_up_end(organisation_id=who, now=utc_now()),
        lambda: auto_top_up_begin(organisation_id=who, now=utc_now()),
    )
    assert (begun, Deposit.objects.filter(organisation_id=who).count()) == (False, 0)


def test_a_decline_does_not_switch_on_what_its_owner_switches_off():
    who = organisation()
    rules = top_ups(who)
    declined = Deposit(organisation_id=who, method=Deposit.Method.AUTO_TOP_UP, state=Deposit.State.FAILED)
    race(
        lambda: auto_top_up_end(organisation_id=who, now=utc_now()),
        lambda: auto_top_up_told(deposit=declined, now=utc_now()),
    )
    rules.refresh_from_db()
    assert (rules.is_on, rules.off_reason, rules.declines) == (False, "owner", 1)


@transaction.atomic
def lot(who: uuid.UUID, usd: int) -> CardLot:
    lot_open(
        organisation_id=who,
        payment_intent_id=f"pi_{uuid.uuid4().hex}",
        amount_nano_usd=usd * USD,
        card_fingerprint="",
        address_sha256="",
        now=utc_now(),
    )
    return CardLot.objects.get(organisation_id=who)


def spend(who: uuid.UUID, usd: int) -> Callable[[], object]:
    provider = organisation()
    return lambda: lots_spend(
        payer_id=who, provider_id=provider, earned=usd * USD, held_back=0, now=utc_now()
    )


def test_two_payments_at_once_do_not_spend_the_same_card_money():
    who = organisation()
    row = lot(who, 100)
    first, second = race(spend(who, 70), spend(who, 70))
    assert [[hold.amount for hold in holds] for holds in (first, second)] == [[70 * USD], [30 * USD]]
    row.refresh_from_db()
    assert row.spent_nano_usd == 100 * USD
    spent = CardSpend.objects.filter(lot=row).order_by("id").values_list("earned_nano_usd", flat=True)
    assert list(spent) == [70 * USD, 30 * USD]


def test_what_is_spent_at_this_moment_does_not_go_back_to_the_card():
    who = organisation()
    row = lot(who, 100)
    back = {"organisation_id": who, "payment_intent_id": row.payment_intent_id, "amount_nano_usd": 100 * USD}
    assert race(spend(who, 70), lambda: lot_return(**back))[1] == 30 * USD
    row.refresh_from_db()
    assert (row.spent_nano_usd, row.returned_nano_usd) == (70 * USD, 30 * USD)


def test_card_money_that_comes_back_is_at_risk_as_long_as_a_dispute_says_at_this_moment():
    who, friend, provider = organisation(), organisation(), organisation()
    row = lot(who, 100)
    with transaction.atomic():
        lots_spend(payer_id=who, provider_id=provider, earned=70 * USD, held_back=0, now=utc_now())
    until = row.at_risk_until + timedelta(days=90)
    race(
        lambda: lots_at_risk_until(payment_intent_id=row.payment_intent_id, until=until),
        lambda: lots_come_back(provider_id=provider, returns=[LotReturn((who,), friend, 80 * USD)]),
    )
    theirs = CardLot.objects.get(organisation_id=friend)
    assert (theirs.amount_nano_usd, theirs.at_risk_until) == (70 * USD, until)
