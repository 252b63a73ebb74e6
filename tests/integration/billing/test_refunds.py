"""Refunds of unspent money: out of the wallet, held, sent to the card, posted; all back if they fail."""

import uuid
from datetime import timedelta
from unittest import mock

import pytest
from django.db import IntegrityError, transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.models import BillingProfile, CardLot, Deposit, Refund
from billing.selectors.balances import balances, posted
from billing.selectors.refundable import refund_plan
from billing.services.card_lots import lots_spend
from billing.services.refund_apply import refund_apply, refund_pulled
from billing.services.refund_step import refund_step, refunds_reconcile
from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from tests.integration.billing.books import CASH, entry, post
from tests.integration.billing.card_world import CENT, USD, at_hand, events_arrive, legs, organisation, paid
from tests.integration.billing.refund_world import answered, ask, funded, move, pull, refunds_at_stripe, step
from tests.integration.billing.test_deposits import dying_at
from tests.integration.billing.test_stripe_inbox import at_once
from tests.races import race, unhindered

pytestmark = pytest.mark.usefixtures("double")
CLEARING = of_house(Kind.STRIPE_CLEARING)


def test_all_that_is_unspent_goes_back_less_the_fee(double):
    who = funded(double, 100)
    before, at_stripe = posted(CLEARING), double.platform_cents()
    (refund,) = ask(who)
    assert (refund.amount_nano_usd, refund.fee_nano_usd, refund.card_nano_usd) == (
        100 * USD,
        320 * CENT,
        100 * USD - 320 * CENT,
    )
    (message,) = OutboxMessage.objects.filter(topic="wallet.defund", payload__organisation_id=str(who))
    assert (message.payload["amount_nano_usd"], message.payload["reply_topic"]) == (
        100 * USD,
        "refund.pulled",
    )
    assert pull(refund).state == "held"
    assert step(refund).state == "succeeded"
    assert legs(f"refund:{refund.id}") == {
        ("funding", "stripe_clearing"): 100 * USD - 320 * CENT,
        ("funding", "stripe_fees"): 320 * CENT,
    }
    assert at_hand(who) == 0
    assert [row.amount_cents for row in refunds_at_stripe(refund)] == [9_680]
    assert posted(CLEARING) - before == -(double.platform_cents() - at_stripe) * CENT
    assert CardLot.objects.get(organisation_id=who).remaining_nano_usd == 0
    assert Deposit.objects.get(organisation_id=who).left_nano_usd == 0


def test_the_newest_deposits_go_first_and_none_beyond_what_it_has_left(double):
    who = funded(double, 50, 30, 20)
    parts = ask(who, 35 * USD)
    assert [part.amount_nano_usd for part in parts] == [20 * USD, 15 * USD]
    assert len({part.request_id for part in parts}) == 1
    more = ask(who, 60 * USD)
    assert [part.amount_nano_usd for part in more] == [15 * USD, 45 * USD]
    with pytest.raises(CuxError) as refusal:
        ask(who, 6 * USD)
    assert refusal.value.code is Code.INSUFFICIENT_BALANCE
    assert [part.amount_nano_usd for part in ask(who)] == [5 * USD]
    for part in Refund.objects.filter(organisation_id=who):
        assert step(pull(part)).state == "succeeded"
    paid_back = Refund.objects.filter(organisation_id=who)
    for deposit in Deposit.objects.filter(organisation_id=who):
        fees = [part.fee_nano_usd for part in paid_back if part.deposit_id == deposit.id]
        assert sum(fees) == deposit.stripe_fee_nano_usd
    assert at_hand(who) == 0


def test_the_tax_goes_back_with_its_money(double):
    who = organisation()
    profile = {"legal_name": "P", "address_lines": ["1 Road"], "email": "p@example.com"}
    BillingProfile.objects.create(organisation_id=who, country="IE", updated_at=utc_now(), **profile)
    deposit = paid(double, who, 100)
    move(who, Kind.TRANSIT, Kind.WALLET, 100 * USD)
    answered("wallet.fund", who)
    (half,) = ask(who, 50 * USD)
    assert step(pull(half)).state == "succeeded"
    (rest,) = ask(who)
    assert step(pull(rest)).state == "succeeded"
    assert half.tax_nano_usd + rest.tax_nano_usd == deposit.tax_nano_usd > 0
    assert legs(f"refund:{rest.id}")[("tax", "stripe_clearing")] == rest.tax_nano_usd
    fee = deposit.stripe_fee_nano_usd // CENT
    assert (
        sum(row.amount_cents for row in refunds_at_stripe(rest))
        == 10_000 + deposit.tax_nano_usd // CENT - fee
    )


def test_what_was_spent_or_came_by_no_card_is_not_refunded(double):
    who = funded(double, 100)
    move(who, Kind.WALLET, Kind.MARGIN, 40 * USD)
    assert refund_plan(organisation_id=who, amount_nano_usd=None).amount_nano_usd == 60 * USD
    with transaction.atomic():
        lots_spend(payer_id=who, provider_id=organisation(), earned=70 * USD, held_back=0, now=utc_now())
    assert refund_plan(organisation_id=who, amount_nano_usd=None).amount_nano_usd == 30 * USD
    with pytest.raises(CuxError) as refusal:
        ask(who, 31 * USD)
    assert (refusal.value.code, "$30.00" in refusal.value.message) == (Code.NOTHING_TO_REFUND, True)
    assert not Refund.objects.filter(organisation_id=who).exists()


def test_disputed_money_is_not_refunded(double):
    who = funded(double, 100)
    Deposit.objects.filter(organisation_id=who).update(disputed_nano_usd=90 * USD)
    assert refund_plan(organisation_id=who, amount_nano_usd=None).amount_nano_usd == 10 * USD


def test_nothing_paid_in_is_nothing_to_refund():
    with pytest.raises(CuxError) as refusal:
        ask(organisation())
    assert refusal.value.code is Code.NOTHING_TO_REFUND


@pytest.mark.parametrize("amount", [0, -USD, USD + 1])
def test_an_amount_that_cards_do_not_move_is_refused(double, amount):
    with pytest.raises(CuxError) as refusal:
        ask(organisation(), amount)
    assert refusal.value.code is Code.INVALID_FIELD


def test_asking_many_times_at_once_refunds_once(double):
    who = funded(double, 100)

    def attempt() -> bool:
        try:
            return bool(ask(who, 60 * USD))
        except CuxError:
            return False

    assert sum(at_once(*[attempt] * 6)) == 1
    assert Deposit.objects.get(organisation_id=who).refunded_nano_usd == 60 * USD


@pytest.mark.parametrize("owed", [30, 100, 130])
def test_what_comes_for_a_refund_repays_a_debt_that_arose_meanwhile(double, owed):
    """The wallet gave late: what is owed by then comes first, and the rest goes back, not to the card."""
    who = funded(double, 100)
    (refund,) = ask(who)
    post(entry((of_organisation(Kind.DISPUTE_DEBT, who), CASH, owed * USD)))
    assert pull(refund).state == "failed"
    assert refund.failure_code == "debt_open"
    left = max(0, 100 - owed) * USD
    funding, debt = (of_organisation(kind, who) for kind in (Kind.FUNDING, Kind.DISPUTE_DEBT))
    assert (posted(funding), posted(debt)) == (0, -max(0, owed - 100) * USD)
    sent = OutboxMessage.objects.filter(topic="wallet.fund", payload__organisation_id=str(who), sent_at=None)
    assert [message.payload["amount_nano_usd"] for message in sent] == ([left] if left else [])
    assert Deposit.objects.get(organisation_id=who).left_nano_usd == 100 * USD
    assert refunds_at_stripe(refund) == []


def test_money_spent_meanwhile_fails_the_refund_and_nothing_moved(double):
    who = funded(double, 100)
    (refund,) = ask(who)
    assert pull(refund, taken=False).state == "failed"
    assert (refund.failure_code, at_hand(who)) == ("insufficient_balance", 100 * USD)
    assert Deposit.objects.get(organisation_id=who).left_nano_usd == 100 * USD
    assert refunds_at_stripe(refund) == []


def test_a_debt_collected_meanwhile_fails_the_refund_and_the_rest_goes_back(double):
    who = funded(double, 100)
    (refund,) = ask(who)
    move(who, Kind.WALLET, Kind.FUNDING, 100 * USD)
    move(who, Kind.FUNDING, Kind.MARGIN, 30 * USD)
    with transaction.atomic():
        refund_pulled(refund_id=refund.id, taken=True, now=utc_now())
    refund.refresh_from_db()
    assert (refund.state, at_hand(who)) == ("failed", 70 * USD)
    assert balances([of_organisation(Kind.FUNDING, who)]).popitem()[1].posted == 0


def test_a_refund_that_is_pending_is_posted_when_it_arrives(double):
    who = funded(double, 100, card="4000000000007726")
    (refund,) = ask(who)
    assert step(pull(refund)).state == "pending"
    assert legs(f"refund:{refund.id}") == {}
    double.advance(10)
    events_arrive()
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    assert at_hand(who) == 0


def test_a_refund_that_the_bank_sends_back_gives_all_back(double):
    who = funded(double, 100, card="4000000000005126")
    before, at_stripe = posted(CLEARING), double.platform_cents()
    (refund,) = ask(who)
    assert step(pull(refund)).state == "succeeded"
    double.advance(10)
    for _ in range(2):
        events_arrive()
    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == ("returned", "expired_or_canceled_card")
    assert at_hand(who) == 100 * USD
    assert (posted(CLEARING), double.platform_cents()) == (before, at_stripe)
    assert CardLot.objects.get(organisation_id=who).remaining_nano_usd == 100 * USD
    assert Deposit.objects.get(organisation_id=who).left_nano_usd == 100 * USD


def test_a_refund_that_fails_before_it_arrived_gives_all_back(double):
    who = funded(double, 100, card="4000000000007726")
    (refund,) = ask(who)
    step(pull(refund))
    double.control(f"refunds/{refund.stripe_refund_id}", status="failed")
    assert step(refund).state == "failed"
    assert (at_hand(who), legs(f"refund:{refund.id}")) == (100 * USD, {})


def test_a_refund_that_stripe_refuses_gives_all_back(double):
    who = funded(double, 100)
    (refund,) = ask(who)
    pull(refund)
    double.control(f"charges/{refund.deposit.charge_id}/dispute")
    assert step(refund).state == "failed"
    assert (refund.failure_code, at_hand(who)) == ("charge_disputed", 100 * USD)


@pytest.mark.parametrize(
    ("card", "state"), [("4000000000007726", "failed"), ("4000000000005126", "returned")]
)
def test_giving_back_takes_the_deposit_before_any_balance_as_disputes_do(double, card, state):
    who = funded(double, 100, card=card)
    (refund,) = ask(who)
    step(pull(refund))
    if state == "failed":
        double.control(f"refunds/{refund.stripe_refund_id}", status="failed")
    else:
        double.advance(10)
    answer = gateway.refund_get(refund.stripe_refund_id)

    gift = entry((CASH, of_organisation(Kind.FUNDING, who), 1))
    _, changed = race(
        lambda: Deposit.objects.select_for_update(no_key=True).get(id=refund.deposit_id),
        lambda: refund_apply(refund_id=refund.id, answer=answer, now=utc_now()),
        meanwhile=lambda: unhindered(lambda: post(gift)),
    )
    assert changed is True
    refund.refresh_from_db()
    assert (refund.state, at_hand(who)) == (state, 100 * USD + 1)


@pytest.mark.parametrize("fault", ["error_before", "rate_limited", "error_after", "timeout_after"])
def test_an_answer_that_does_not_come_refunds_once(double, fault):
    who = funded(double, 100)
    (refund,) = ask(who, 50 * USD)
    pull(refund)
    double.fault("POST /v1/refunds", fault)
    with pytest.raises(gateway.Unavailable):
        step(refund)
    assert step(refund).state == "succeeded"
    events_arrive()
    assert ([row.amount_cents for row in refunds_at_stripe(refund)], at_hand(who)) == ([4_840], 50 * USD)


@pytest.mark.parametrize(
    "target",
    [
        "billing.stripe_gateway.refund_create",
        "billing.services.refund_step.refund_apply",
        "billing.services.refund_apply.ledger_post",
        "billing.models.Refund.save",
    ],
)
def test_a_process_that_dies_anywhere_is_followed_by_one_that_finishes(double, target):
    who = funded(double, 100)
    (refund,) = ask(who, 50 * USD)
    pull(refund)
    with dying_at(target):
        step(refund)
    refunds_reconcile(now=utc_now() + timedelta(seconds=10))
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    assert (len(refunds_at_stripe(refund)), at_hand(who)) == (1, 50 * USD)


def test_two_at_once_refund_once(double):
    who = funded(double, 100)
    (refund,) = ask(who, 50 * USD)
    pull(refund)

    def look() -> bool:
        try:
            return refund_step(refund_id=refund.id, now=utc_now())
        except gateway.Unavailable:
            return False

    at_once(*[look] * 4, lambda: bool(events_arrive()))
    events_arrive()
    refund.refresh_from_db()
    assert (refund.state, len(refunds_at_stripe(refund)), at_hand(who)) == ("succeeded", 1, 50 * USD)


def test_a_late_word_that_it_succeeded_does_not_undo_its_failure(double):
    who = funded(double, 100, card="4000000000005126")
    (refund,) = ask(who)
    step(pull(refund))
    early = gateway.refund_get(str(refund.stripe_refund_id))
    double.advance(10)
    events_arrive()
    with mock.patch.object(gateway, "refund_get", return_value=early):
        events_arrive()
        step(refund)
    refund.refresh_from_db()
    assert (refund.state, at_hand(who)) == ("returned", 100 * USD)


def test_a_refund_that_an_operator_makes_at_stripe_is_owed(double):
    """Threads: elizaOS 10920 (no clawback on a refund) and 10938 (a partial one)."""
    who = funded(double, 100)
    deposit = Deposit.objects.get(organisation_id=who)
    before, at_stripe = posted(CLEARING), double.platform_cents()
    gateway.refund_create(
        key=f"test:{uuid.uuid4()}",
        payment_id=str(deposit.payment_intent_id),
        amount_cents=4_000,
        metadata={},
    )
    for _ in range(2):
        events_arrive()
    refund = Refund.objects.get(organisation_id=who)
    assert (refund.origin, refund.state, refund.amount_nano_usd) == ("stripe", "succeeded", 40 * USD)
    assert legs(f"refund:{refund.id}") == {("dispute_debt", "stripe_clearing"): 40 * USD}
    assert OutboxMessage.objects.filter(topic="debt.pull", payload__organisation_id=str(who)).count() == 1
    assert posted(CLEARING) - before == -(double.platform_cents() - at_stripe) * CENT
    assert refund_plan(organisation_id=who, amount_nano_usd=None).amount_nano_usd == 60 * USD


def test_a_refund_made_at_stripe_that_is_sent_back_is_not_owed_any_more(double):
    """Threads: elizaOS 10997, 11017 (over-claws, and wrong parts after a reinstatement)."""
    who = funded(double, 100, card="4000000000005126")
    deposit = Deposit.objects.get(organisation_id=who)
    (own,) = ask(who, 50 * USD)
    pull(own)
    gateway.refund_create(
        key=f"test:{uuid.uuid4()}",
        payment_id=str(deposit.payment_intent_id),
        amount_cents=10_000,
        metadata={},
    )
    events_arrive()
    deposit.refresh_from_db()
    assert deposit.refunded_nano_usd == 100 * USD
    assert step(own).state == "failed"
    double.advance(10)
    events_arrive()
    foreign = Refund.objects.get(organisation_id=who, origin="stripe")
    deposit.refresh_from_db()
    assert (foreign.state, deposit.refunded_nano_usd) == ("returned", 0)
    assert posted(of_organisation(Kind.DISPUTE_DEBT, who)) == 0
    assert at_hand(who) == 100 * USD


def test_guards_of_refunds(double):
    who = funded(double, 100)
    (refund,) = ask(who, 50 * USD)
    rows = Refund.objects.filter(id=refund.id)
    for change in ({"state": "succeeded"}, {"state": "gone"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(Exception, match="stays"), transaction.atomic():
        rows.update(amount_nano_usd=60 * USD)
    assert step(pull(refund)).state == "succeeded"
    for state in ("failed", "held"):
        with pytest.raises(Exception, match="does not go from"), transaction.atomic():
            rows.update(state=state, entry=None)
    with pytest.raises(Exception, match="its rows stay"), transaction.atomic():
        rows.delete()
