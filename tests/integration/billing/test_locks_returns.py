"""What the locks around refunds, disputes and debts are for: what two of them take at once is taken once."""

import uuid
from datetime import timedelta
from unittest import mock

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import CardPassing, CardSpend, Deposit, Dispute, Refund
from billing.selectors.debts import debt_of
from billing.services import dispute_apply, refund_start, refund_step
from billing.services.debt_capture import debt_capture
from billing.services.debt_collect import debt_collect
from billing.services.debt_repay import debt_repay
from billing.services.hold_back_mature import hold_back_mature
from billing.services.refund_apply import refund_apply
from billing.services.refund_foreign import refund_foreign
from core.clock import utc_now
from core.counters import CONFLICTS
from core.errors import Code
from core.money import NANO_PER_CENT
from cux.wire.payments import NewRefund
from tests.integration.billing.card_world import USD, at_hand, organisation
from tests.integration.billing.dispute_world import (
    FEE,
    applied,
    money,
    opened,
    opened_elsewhere,
    to_funding,
    with_changes,
)
from tests.integration.billing.payout_world import DAY, account, earn, move, payer, posted, provider
from tests.integration.billing.refund_world import ask, funded, pull
from tests.races import race, unhindered

CASH = account(Kind.EXTERNAL_CASH)
OTHERS = 40 * USD


def by_operator(deposit: Deposit, usd: int) -> None:
    """Hear that an operator refunded so much at Stripe."""
    answer = gateway.Refund(
        id=f"re_{uuid.uuid4().hex}",
        status="succeeded",
        amount_cents=usd * 100,
        currency="usd",
        payment_id=deposit.payment_intent_id,
        charge_id=deposit.charge_id,
        failure_reason="",
        metadata={},
    )
    refund_foreign(deposit_id=deposit.id, answer=answer, now=utc_now())


def test_an_operators_refund_leaves_only_the_rest_to_be_asked_for(double):
    who = funded(double, 100)
    deposit = Deposit.objects.get(organisation_id=who)
    _, asked = race(lambda: by_operator(deposit, 60), lambda: ask(who))
    assert [refund.amount_nano_usd for refund in asked] == [40 * USD]
    deposit.refresh_from_db()
    assert deposit.refunded_nano_usd == 100 * USD


def start(who: uuid.UUID, amount: int) -> int:
    """Ask for money back as the API does; return what is refunded."""
    views = refund_start.refund_start(
        organisation_id=who, asked=NewRefund(amount_nano_usd=amount), key=uuid.uuid4().hex, now=utc_now()
    )
    return sum(view.amount_nano_usd for view in views)


def deadlocks() -> float:
    """Return how many PostgreSQL has ended in this process."""
    return CONFLICTS.labels("deadlock")._value.get()


def test_a_refund_and_a_dispute_of_what_was_sold_on_do_not_deadlock(double):
    who, deposit = payer(double, 100)
    found, before = opened_elsewhere(double, deposit), deadlocks()
    CardPassing.objects.create(payer_id=who, receiver_id=organisation(), amount_nano_usd=10 * USD)
    _, refused = race(
        lambda: Deposit.objects.select_for_update(no_key=True).get(id=deposit.id),
        lambda: start(who, 5 * USD),
        meanwhile=lambda: unhindered(lambda: applied(deposit, found)),
    )
    assert (refused, deadlocks()) == (Code.NOTHING_TO_REFUND, before)
    assert not Refund.objects.filter(organisation_id=who).exists()
    deposit.refresh_from_db()
    assert (deposit.refunded_nano_usd, deposit.disputed_nano_usd) == (0, 100 * USD)


def test_a_refund_that_postgresql_gave_up_for_another_is_asked_for_again(double):
    who, before = funded(double, 100), deadlocks()
    conflict, create = OperationalError(), refund_start.refund_create
    conflict.__cause__ = DeadlockDetected()
    with mock.patch.object(refund_start, "refund_create", side_effect=[conflict, mock.DEFAULT], wraps=create):
        assert start(who, 5 * USD) == 5 * USD
    assert (deadlocks() - before, Refund.objects.filter(organisation_id=who).count()) == (1, 1)


def test_two_refunds_of_operators_at_once_both_count(double):
    who = funded(double, 100)
    deposit = Deposit.objects.get(organisation_id=who)
    race(lambda: by_operator(deposit, 60), lambda: by_operator(deposit, 30))
    deposit.refresh_from_db()
    assert (deposit.refunded_nano_usd, debt_of(who)) == (90 * USD, 90 * USD)


@pytest.mark.parametrize("late", ["told again", "refused"])
def test_a_refund_that_arrives_is_posted_once_and_nobodys_refusal_undoes_it(double, late):
    who = funded(double, 100)
    (refund,) = ask(who, 50 * USD)
    pull(refund)
    answer = gateway.refund_create(
        key=f"refund:{refund.id}:create:1",
        payment_id=str(refund.deposit.payment_intent_id),
        amount_cents=refund.card_nano_usd // NANO_PER_CENT,
        metadata={"refund_id": str(refund.id)},
    )

    def told() -> bool:
        return refund_apply(refund_id=refund.id, answer=answer, now=utc_now())

    def refused() -> bool:
        return refund_step._refused(refund, gateway.Refused("charge_disputed", "No."), utc_now())

    assert race(told, told if late == "told again" else refused) == (True, False)
    refund.refresh_from_db()
    assert (refund.state, refund.lot_nano_usd, at_hand(who)) == ("succeeded", 50 * USD, 50 * USD)


def test_an_older_word_on_a_dispute_does_not_undo_what_it_took(double, drift):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    found = opened_elsewhere(double, deposit)
    older = with_changes(found, movements=(), status="warning_needs_response")
    applied(deposit, older)
    rows: list[Dispute] = []
    race(
        lambda: rows.append(dispute_apply._row(deposit.id, older, utc_now())),
        lambda: applied(deposit, found),
        meanwhile=lambda: Dispute.save(rows[0]),  # as whoever applies the older word goes on
    )
    dispute = Dispute.objects.get(stripe_dispute_id=found.id)
    assert (dispute.withdrawn_nano_usd, dispute.of_deposit_nano_usd) == (100 * USD, 100 * USD)
    assert (money(payer_id), drift()) == ((0, 0, FEE), 0)


def test_a_dispute_takes_of_a_deposit_what_is_not_refunded_at_this_moment(double):
    _, deposit = payer(double, 100)
    found = opened_elsewhere(double, deposit)
    race(
        lambda: by_operator(deposit, 60),
        lambda: applied(deposit, found),
    )
    deposit.refresh_from_db()
    assert (deposit.refunded_nano_usd, deposit.disputed_nano_usd) == (60 * USD, 40 * USD)


def test_a_dispute_that_is_won_takes_the_deposit_before_any_balance(double):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    dispute = opened(double, deposit)
    double.control(f"disputes/{dispute.stripe_dispute_id}/win")
    found = gateway.dispute_get(dispute.stripe_dispute_id)
    race(
        lambda: Deposit.objects.select_for_update(no_key=True).get(id=deposit.id),
        lambda: applied(deposit, found),
        meanwhile=lambda: unhindered(lambda: move((CASH, account(Kind.DISPUTE_DEBT, payer_id), 5 * USD))),
    )
    dispute.refresh_from_db()
    assert (dispute.state, money(payer_id)) == ("won", (100 * USD - FEE + 5 * USD, 0, 0))


def held_back_by(double) -> tuple[uuid.UUID, uuid.UUID, Deposit]:
    """Return a provider with 100 dollars held back of a payer's card, and 40 of others; payer and deposit."""
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    earn(who, payer_id, 0, held_back=100 * USD)
    move((CASH, account(Kind.HOLD_BACK, who), OTHERS))
    return who, payer_id, deposit


def mature(who: uuid.UUID) -> int:
    return hold_back_mature(organisation_id=who, period=DAY, now=utc_now() + 3 * DAY)


def test_what_matures_at_this_moment_is_not_taken_of_hold_back_by_a_dispute(double):
    who, payer_id, deposit = held_back_by(double)
    found = opened_elsewhere(double, deposit)
    matured, dispute = race(lambda: mature(who), lambda: applied(deposit, found))
    assert dispute == Dispute.objects.filter(stripe_dispute_id=found.id).first()
    assert (matured, dispute.withdrawn_nano_usd) == (100 * USD + OTHERS, 100 * USD)
    assert (posted(Kind.EARNINGS, who), posted(Kind.HOLD_BACK, who)) == (100 * USD + OTHERS, 0)
    assert money(payer_id) == (0, 0, 100 * USD + FEE)
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 100 * USD


def test_what_a_dispute_takes_at_this_moment_does_not_mature(double):
    who, _, deposit = held_back_by(double)
    move((CASH, account(Kind.HOLD_BACK, who), 100 * USD), at=utc_now() + timedelta(days=9))
    found = opened_elsewhere(double, deposit)
    _, matured = race(lambda: applied(deposit, found), lambda: mature(who))
    spend = CardSpend.objects.get(provider_id=who)
    assert (spend.taken_nano_usd, spend.matured_nano_usd) == (100 * USD, 0)
    assert (matured, posted(Kind.EARNINGS, who), posted(Kind.HOLD_BACK, who)) == (OTHERS, OTHERS, 100 * USD)


def test_no_more_than_is_owed_is_taken_by_two_at_once(double):
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    move((account(Kind.WALLET, payer_id), CASH, 100 * USD))  # in escrow
    opened(double, deposit)
    move((CASH, account(Kind.FUNDING, payer_id), 80 * USD))
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 80 * USD
    move((CASH, account(Kind.WALLET, payer_id), 50 * USD))
    earn(who, payer_id, 50 * USD)
    captured = race(*[lambda: debt_capture(organisation_id=payer_id, now=utc_now())] * 2)
    assert (captured, debt_of(payer_id), posted(Kind.EARNINGS, who)) == ((20 * USD, 0), FEE, 30 * USD)


def test_a_debt_is_repaid_once_by_two_payments_at_once(db):
    who = organisation()
    move((account(Kind.DISPUTE_DEBT, who), CASH, 30), (CASH, account(Kind.FUNDING, who), 50))

    def repay(key: str) -> int:
        return debt_repay(organisation_id=who, up_to_nano_usd=25, key=key, sent_key="none", now=utc_now())

    assert race(lambda: repay("one"), lambda: repay("other")) == (25, 5)
    assert (debt_of(who), posted(Kind.FUNDING, who)) == (0, 20)
