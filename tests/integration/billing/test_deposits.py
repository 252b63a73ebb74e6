"""Deposits by card against the double of Stripe: one charge, one entry, whatever happens between."""

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import pytest
from django.db import IntegrityError, transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.models import BillingProfile, CardLot, Deposit
from billing.selectors.balances import organisation_balance, posted
from billing.services import deposit_apply as applying
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_create import deposit_create
from billing.services.deposit_step import deposit_step
from billing.services.deposits_reconcile import deposits_reconcile
from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from tests.integration.billing.books import entry, post
from tests.integration.billing.card_world import (
    CENT,
    USD,
    at_hand,
    events_arrive,
    fee,
    intent,
    legs,
    organisation,
    paid,
    saved_card,
    step,
)
from tests.integration.billing.test_stripe_inbox import at_once

CLEARING = of_house(Kind.STRIPE_CLEARING)
pytestmark = pytest.mark.usefixtures("double")


def charges_of(who: uuid.UUID) -> list[gateway.Payment]:
    """Return the payments of an organisation that took money."""
    payments = gateway.payments_of_customer(customer_ensure(who))
    return [payment for payment in payments if payment.status == "succeeded"]


@contextmanager
def dying_at(target: str) -> Iterator[None]:
    """Have the process die when this function is reached."""
    with mock.patch(target, side_effect=SystemExit("the process dies here")), pytest.raises(SystemExit):
        yield


def test_a_deposit_on_stripes_page_is_posted_once_paid(double):
    who = organisation()
    before, at_stripe = posted(CLEARING), double.platform_cents()
    deposit = step(intent(who, 100))
    assert (deposit.state, deposit.entry) == ("open", None)
    assert step(deposit).state == "open"
    assert at_hand(who) == 0
    assert double.pay(deposit.checkout_url) is not None
    events_arrive()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.stripe_fee_nano_usd) == ("succeeded", 320 * CENT)
    assert (deposit.card_brand, deposit.card_last4) == ("visa", "4242")
    assert legs(f"deposit:{deposit.payment_intent_id}") == {
        ("stripe_clearing", "funding"): 100 * USD,
        ("stripe_fees", "stripe_clearing"): 320 * CENT,
    }
    assert organisation_balance(who).transit == 100 * USD
    assert posted(CLEARING) - before == -(double.platform_cents() - at_stripe) * CENT


def test_the_money_goes_on_to_the_wallet_once(double):
    who = organisation()
    deposit = paid(double, who, 20)
    for _ in range(3):
        events_arrive()
        step(deposit)
    (message,) = OutboxMessage.objects.filter(topic="wallet.fund", payload__organisation_id=str(who))
    assert message.payload["amount_nano_usd"] == 20 * USD


def test_tax_is_paid_on_top_and_owed_apart(double):
    who = organisation()
    profile = {"legal_name": "P", "address_lines": ["1 Road"], "email": "p@example.com"}
    BillingProfile.objects.create(organisation_id=who, country="IE", updated_at=utc_now(), **profile)
    deposit = paid(double, who, 100)
    tax = deposit.tax_nano_usd
    assert tax > 0
    assert legs(f"deposit:{deposit.payment_intent_id}") == {
        ("stripe_clearing", "funding"): 100 * USD,
        ("stripe_clearing", "tax"): tax,
        ("stripe_fees", "stripe_clearing"): fee(100 * USD + tax),
    }


def test_a_declined_card_may_be_followed_by_another_on_the_same_page(double):
    who = organisation()
    deposit = step(intent(who))
    assert double.pay(deposit.checkout_url, "4000000000000002") is None
    events_arrive()
    assert step(deposit).state == "open"
    assert double.pay(deposit.checkout_url) is not None
    assert step(deposit).state == "succeeded"
    assert len(charges_of(who)) == 1


def test_a_page_that_nobody_pays_on_expires(double):
    who = organisation()
    deposit = step(intent(who, now=utc_now() - timedelta(minutes=20)))
    double.advance(3_600)
    assert step(deposit).state == "expired"
    assert at_hand(who) == 0


def test_a_page_is_not_opened_when_its_time_is_nearly_over(double):
    deposit = intent(organisation(), now=utc_now() - timedelta(minutes=26))
    assert step(deposit).state == "expired"


def test_a_saved_card_is_charged_at_once(double):
    who = organisation()
    deposit = step(intent(who, 50, card=saved_card(double, who)))
    assert (deposit.state, at_hand(who)) == ("succeeded", 50 * USD)
    lot = CardLot.objects.get(organisation_id=who)
    assert (lot.payment_intent_id, lot.amount_nano_usd) == (deposit.payment_intent_id, 50 * USD)
    assert lot.card_fingerprint == deposit.card_fingerprint != ""


@pytest.mark.parametrize(
    ("number", "code"),
    [("4000000000000341", "generic_decline"), ("4000002760003184", "authentication_required")],
)
def test_a_declined_saved_card_says_why_and_charges_nothing(double, number, code):
    who = organisation()
    deposit = step(intent(who, card=saved_card(double, who, number)))
    assert (deposit.state, deposit.failure_code) == ("failed", code)
    assert deposit.failure_message != ""
    events_arrive()
    assert (at_hand(who), charges_of(who)) == (0, [])


def test_somebody_elses_card_is_refused(double):
    mine, theirs = organisation(), organisation()
    deposit = step(intent(mine, card=saved_card(double, theirs)))
    assert (deposit.state, at_hand(mine), charges_of(theirs)) == ("failed", 0, [])


@pytest.mark.parametrize("fault", ["error_before", "rate_limited", "error_after", "timeout_after"])
@pytest.mark.parametrize("by_card", [True, False], ids=["card", "page"])
def test_an_answer_that_does_not_come_costs_nobody_anything(double, fault, by_card):
    who = organisation()
    deposit = intent(who, 40, card=saved_card(double, who) if by_card else "")
    double.fault("POST /v1/payment_intents" if by_card else "POST /v1/checkout/sessions", fault)
    with pytest.raises(gateway.Unavailable):
        step(deposit)
    assert at_hand(who) == 0
    deposit = step(deposit)
    if not by_card:
        assert double.pay(deposit.checkout_url) is not None
        deposit = step(deposit)
    events_arrive()
    assert (deposit.state, at_hand(who), len(charges_of(who))) == ("succeeded", 40 * USD, 1)


def test_a_card_is_not_charged_long_after_it_was_asked_for(double):
    who = organisation()
    card = saved_card(double, who)
    deposit = step(intent(who, card=card, now=utc_now() - timedelta(minutes=61)))
    assert (deposit.state, deposit.failure_code, charges_of(who)) == ("failed", "not_answered", [])


def test_a_charge_whose_answer_was_lost_for_an_hour_is_found(double):
    who = organisation()
    deposit = intent(who, 40, card=saved_card(double, who))
    double.fault("POST /v1/payment_intents", "timeout_after")
    with pytest.raises(gateway.Unavailable):
        step(deposit)
    assert step(deposit, now=utc_now() + timedelta(minutes=61)).state == "succeeded"
    assert (at_hand(who), len(charges_of(who))) == (40 * USD, 1)


def test_a_payment_that_succeeds_after_its_deposit_failed_is_credited(double):
    who = organisation()
    deposit = intent(who, 40, card=saved_card(double, who))
    double.fault("POST /v1/payment_intents", "timeout_after")
    with pytest.raises(gateway.Unavailable):
        step(deposit)
    Deposit.objects.filter(id=deposit.id).update(state="failed", failure_code="not_answered")
    events_arrive()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure_code, at_hand(who)) == ("succeeded", "", 40 * USD)


CRASHES: list[tuple[str, Callable[[], str]]] = [
    ("asked", "billing.stripe_gateway.payment_create"),
    ("answered", "billing.services.deposit_step.deposit_apply"),
    ("lot opened", "billing.services.deposit_apply.ledger_post"),
    ("posted", "billing.services.deposit_apply.send_to_wallet"),
    ("sent on", "billing.models.Deposit.save"),
]


@pytest.mark.parametrize("target", [target for _, target in CRASHES], ids=[name for name, _ in CRASHES])
def test_a_process_that_dies_anywhere_is_followed_by_one_that_finishes(double, target):
    who = organisation()
    deposit = intent(who, 40, card=saved_card(double, who))
    with dying_at(target):
        step(deposit)
    assert at_hand(who) == 0
    deposits_reconcile(now=utc_now() + timedelta(seconds=10))
    deposit.refresh_from_db()
    assert (deposit.state, at_hand(who), len(charges_of(who))) == ("succeeded", 40 * USD, 1)


def test_a_process_that_dies_before_it_noted_the_page_opens_no_other(double):
    who = organisation()
    deposit = intent(who, 40)
    with dying_at("billing.services.checkout_start._note"):
        step(deposit)
    deposits_reconcile(now=utc_now() + timedelta(seconds=10))
    deposit.refresh_from_db()
    assert deposit.state == "open"
    pages = double.state()["objects"]["checkout.session"]
    assert [page["id"] for page in pages] == [deposit.checkout_session_id]


def test_a_page_that_is_paid_on_before_its_own_answer_came_is_found(double):
    who = organisation()
    deposit = intent(who, 40)
    with dying_at("billing.services.checkout_start._note"):
        step(deposit)
    (page,) = double.state()["objects"]["checkout.session"]
    assert double.pay(page["url"]) is not None
    events_arrive()
    deposit.refresh_from_db()
    assert (deposit.state, at_hand(who)) == ("succeeded", 40 * USD)


def test_a_wrong_key_of_ours_is_no_fault_of_the_callers(double, settings):
    settings.STRIPE_API_KEY = "sk_wrong"
    deposit = intent(organisation())
    with pytest.raises(gateway.Misconfigured) as refusal:
        step(deposit)
    assert refusal.value.code is Code.DEPENDENCY_UNAVAILABLE
    deposit.refresh_from_db()
    assert deposit.state == "pending"


def test_webhook_and_task_at_once_post_once(double):
    who = organisation()
    deposit = step(intent(who, 40))
    assert double.pay(deposit.checkout_url) is not None
    look = lambda: deposit_step(deposit_id=deposit.id, now=utc_now())  # noqa: E731
    found = at_once(look, look, look, lambda: bool(events_arrive()), look)
    assert sum(found) <= 1
    assert at_hand(who) == 40 * USD
    assert OutboxMessage.objects.filter(topic="wallet.fund", payload__organisation_id=str(who)).count() == 1


def test_two_at_once_charge_once(double):
    who = organisation()
    deposit = intent(who, 40, card=saved_card(double, who))

    def look() -> bool:
        try:
            return deposit_step(deposit_id=deposit.id, now=utc_now())
        except gateway.Unavailable:  # the other one's question is still open
            return False

    at_once(*[look] * 6)
    events_arrive()
    assert (at_hand(who), len(charges_of(who))) == (40 * USD, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 3_999},
        {"received_cents": 3_999},
        {"currency": "jpy"},
        {"customer_id": "cus_somebody"},
        {"metadata": {}},
        {"is_live": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_payment_that_is_not_what_was_asked_is_not_credited(double, change):
    who = organisation()
    deposit = step(intent(who, 40))
    assert double.pay(deposit.checkout_url) is not None
    payment = charges_of(who)[0]
    with pytest.raises(CuxError) as refusal, transaction.atomic():
        applying.deposit_apply(
            deposit_id=deposit.id, payment=dataclasses.replace(payment, **change), now=utc_now()
        )
    assert (refusal.value.code, at_hand(who)) == (Code.INTERNAL, 0)
    assert step(deposit).state == "succeeded"


def test_what_is_owed_for_disputes_is_repaid_first(double):
    who = organisation()
    debt = of_organisation(Kind.DISPUTE_DEBT, who)
    post(entry((debt, of_house(Kind.EXTERNAL_CASH), 30 * USD)))
    paid(double, who, 20)
    assert (posted(debt), at_hand(who)) == (-10 * USD, 0)
    paid(double, who, 25)
    assert (posted(debt), at_hand(who)) == (0, 15 * USD)


@pytest.mark.parametrize("amount", [USD, 5 * USD - CENT, 5 * USD + 1, 10_000 * USD + CENT, 0, -5 * USD])
def test_an_amount_that_cards_do_not_move_is_refused(amount):
    who = organisation()
    with pytest.raises(CuxError) as refusal:
        deposit_create(
            organisation_id=who, amount_nano_usd=amount, method=Deposit.Method.CHECKOUT, now=utc_now()
        )
    assert refusal.value.code is Code.INVALID_FIELD
    assert not Deposit.objects.filter(organisation_id=who).exists()


def test_the_eleventh_try_within_an_hour_is_refused():
    who, now = organisation(), utc_now()
    for minute in range(10):
        intent(who, now=now + timedelta(minutes=minute))
    with pytest.raises(CuxError) as refusal:
        intent(who, now=now + timedelta(minutes=30))
    assert (refusal.value.code, refusal.value.retry_after_s) == (Code.TOO_MANY_PAYMENTS, 1_801)
    assert Deposit.objects.filter(organisation_id=who).count() == 10
    intent(who, now=now + timedelta(minutes=60))


def test_tries_at_once_do_not_get_around_the_limit():
    who, now = organisation(), utc_now()

    def attempt() -> bool:
        try:
            return bool(intent(who, now=now))
        except CuxError:
            return False

    assert sum(at_once(*[attempt] * 14)) == 10


def test_guards_of_deposits(double):
    deposit = paid(double, organisation(), 20)
    other = paid(double, organisation(), 20)
    rows = Deposit.objects.filter(id=deposit.id)
    for change in (
        {"refunded_nano_usd": 21 * USD},
        {"disputed_nano_usd": 21 * USD},
        {"refunded_nano_usd": -CENT},
        {"refunded_nano_usd": 1},
        {"checkout_session_id": other.checkout_session_id},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    for change in (
        {"payment_intent_id": other.payment_intent_id},
        {"state": "failed"},
        {"amount_nano_usd": 30 * USD},
        {"entry": None},
    ):
        with pytest.raises(Exception, match=r"stays|once"), transaction.atomic():
            rows.update(**change)
    with pytest.raises(Exception, match="its rows stay"), transaction.atomic():
        rows.delete()
