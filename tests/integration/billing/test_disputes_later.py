"""Disputes of what is in escrow or owed still: what providers pay later, as they are paid, and what never."""

import uuid
from datetime import timedelta

from billing.ledger.chart import Kind
from billing.models import CardLot
from billing.selectors.debts import debt_of
from billing.services.debt_capture import debt_capture
from billing.services.debt_collect import debt_collect
from core.clock import utc_now
from tests.integration.billing.card_world import USD
from tests.integration.billing.dispute_world import (
    FEE,
    money,
    opened,
    risk_is_over,
    to_funding,
    won,
)
from tests.integration.billing.payout_world import (
    account,
    available,
    earn,
    move,
    pay_in,
    payer,
    posted,
    provider,
)


def in_escrow(who: uuid.UUID, nano_usd: int) -> None:
    """Have an organisation buy compute that is not drawn yet; these tests keep its price outside."""
    move((account(Kind.WALLET, who), account(Kind.EXTERNAL_CASH), nano_usd))


def drawn(payer_id: uuid.UUID, who: uuid.UUID, earned: int, held_back: int = 0) -> None:
    """Have a provider be paid out of what is in escrow."""
    move((account(Kind.EXTERNAL_CASH), account(Kind.WALLET, payer_id), earned + held_back))
    earn(who, payer_id, earned, held_back)


def test_money_in_escrow_when_the_dispute_opens_does_not_leave_by_the_provider_later(double, drift):
    """Stolen card → compute of one's own provider → dispute → draw → payout: taken when it is drawn."""
    thief = provider(double)
    payer_id, deposit = payer(double, 100)
    in_escrow(payer_id, 90 * USD)
    risk_is_over(deposit)
    dispute = opened(double, deposit)
    assert money(payer_id) == (0, 10 * USD, 100 * USD + FEE)
    lot = CardLot.objects.get(payment_intent_id=deposit.payment_intent_id)
    assert (lot.remaining_nano_usd, lot.at_risk_until > utc_now() + timedelta(days=29)) == (90 * USD, True)
    drawn(payer_id, thief, 60 * USD, held_back=20 * USD)
    assert available(Kind.EARNINGS, thief) == 0
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 80 * USD
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 0
    assert (posted(Kind.EARNINGS, thief), posted(Kind.HOLD_BACK, thief)) == (0, 0)
    assert money(payer_id) == (0, 10 * USD, 20 * USD + FEE)
    drawn(payer_id, thief, 10 * USD)
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 10 * USD
    won(double, dispute)
    assert (posted(Kind.EARNINGS, thief), posted(Kind.HOLD_BACK, thief)) == (70 * USD, 20 * USD)
    assert (money(payer_id), drift()) == ((0, 10 * USD, FEE), 0)


def test_a_debt_that_was_repaid_takes_nothing_when_another_arises(double, drift):
    """What is repaid goes to the oldest dispute: its provider does not pay for the next one."""
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    in_escrow(payer_id, 100 * USD)
    opened(double, deposit)
    move((account(Kind.EXTERNAL_CASH), account(Kind.FUNDING, payer_id), 100 * USD + FEE))
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 100 * USD + FEE
    drawn(payer_id, who, 50 * USD)
    second = pay_in(double, payer_id, 40)
    in_escrow(payer_id, 40 * USD)
    opened(double, second)
    assert debt_of(payer_id) == 40 * USD + FEE
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 0
    assert (posted(Kind.EARNINGS, who), debt_of(payer_id)) == (50 * USD, 40 * USD + FEE)
    assert drift() == 0


def test_a_payer_that_lacks_only_the_fee_of_a_dispute_costs_no_provider_anything(double, drift):
    """The wallet pays what the bank took; the fee that it cannot pay too is the payer's, who owes it."""
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    earn(who, payer_id, 20 * USD, held_back=5 * USD)
    move((account(Kind.EXTERNAL_CASH), account(Kind.WALLET, payer_id), 30 * USD))
    opened(double, deposit)
    to_funding(payer_id, 105 * USD)
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 105 * USD
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 0
    assert (posted(Kind.EARNINGS, who), posted(Kind.HOLD_BACK, who)) == (20 * USD, 5 * USD)
    assert (money(payer_id), drift()) == ((0, 0, 10 * USD), 0)


def test_what_is_owed_for_no_dispute_is_taken_from_no_provider(double, drift):
    """As a refund that an operator made at Stripe, when the disputed payment had been repaid."""
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    in_escrow(payer_id, 100 * USD)
    opened(double, deposit)
    move((account(Kind.EXTERNAL_CASH), account(Kind.FUNDING, payer_id), 90 * USD))
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 90 * USD
    move((account(Kind.DISPUTE_DEBT, payer_id), account(Kind.EXTERNAL_CASH), 30 * USD))
    drawn(payer_id, who, 50 * USD)
    assert debt_of(payer_id) == 10 * USD + FEE + 30 * USD
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 10 * USD
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 0
    assert (posted(Kind.EARNINGS, who), debt_of(payer_id)) == (40 * USD, FEE + 30 * USD)
    assert drift() == 0


def test_no_more_is_taken_from_providers_later_than_is_owed(double):
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    in_escrow(payer_id, 100 * USD)
    dispute = opened(double, deposit)
    move((account(Kind.EXTERNAL_CASH), account(Kind.FUNDING, payer_id), 80 * USD))
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 80 * USD
    drawn(payer_id, who, 50 * USD)
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 20 * USD
    assert (posted(Kind.EARNINGS, who), debt_of(payer_id)) == (30 * USD, FEE)
    won(double, dispute)
    assert (posted(Kind.EARNINGS, who), money(payer_id)[0]) == (50 * USD, 80 * USD - FEE)
    assert debt_capture(organisation_id=payer_id, now=utc_now()) == 0
