"""Disputes against the double of Stripe: who pays, who gets it back, each exactly once, in exact numbers.

The threads named beside the tests are where others got it wrong.
"""

import dataclasses
from datetime import timedelta
from unittest import mock

import pytest

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import BillingProfile, CardLot, CardSpend, Dispute
from billing.selectors.auto_top_up import running_low
from billing.selectors.debts import debt_of
from billing.services.auto_top_up_set import auto_top_up_set
from billing.services.debt_collect import debt_collect
from billing.services.dispute_apply import dispute_fetch
from billing.services.event_process import event_process
from core.clock import utc_now
from core.errors import Code
from cux.wire.payments import AutoTopUpRules
from tests import builders
from tests.integration.billing.card_world import USD, events_arrive, legs, saved_card
from tests.integration.billing.dispute_world import (
    FEE,
    applied,
    lost,
    money,
    opened,
    opened_elsewhere,
    risk_is_over,
    to_funding,
    with_changes,
    won,
)
from tests.integration.billing.payout_world import (
    account,
    available,
    decide,
    earn,
    give,
    move,
    pay_in,
    payer,
    posted,
    provider,
    step,
)
from tests.integration.billing.refund_world import ask
from tests.integration.billing.test_stripe_inbox import at_once, noted
from tests.integration.contract.books import refusal_of


def test_the_bank_takes_when_it_opens_a_dispute_and_funding_pays_first(double, drift):
    """charge.dispute.funds_withdrawn comes at the opening, not at the loss."""
    who, deposit = payer(double, 100)
    to_funding(who, 60 * USD)
    dispute = opened(double, deposit)
    assert (dispute.state, dispute.withdrawn_nano_usd, dispute.fee_nano_usd) == ("open", 100 * USD, FEE)
    assert legs(f"dispute:{dispute.stripe_dispute_id}") == {
        ("funding", "stripe_clearing"): 60 * USD,
        ("dispute_debt", "stripe_clearing"): FEE,  # the last of two legs between the same accounts
    }
    assert money(who) == (0, 40 * USD, 40 * USD + FEE)
    assert drift() == 0
    assert lost(double, dispute).state == "lost"
    assert money(who) == (0, 40 * USD, 40 * USD + FEE)
    assert drift() == 0


def test_what_a_provider_earned_by_the_card_and_was_not_paid_is_taken_and_given_back(double, drift):
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    earn(who, payer_id, 50 * USD, held_back=30 * USD)
    give(who, 7 * USD)
    dispute = opened(double, deposit)
    assert money(payer_id) == (0, 20 * USD, 20 * USD + FEE)  # the wallet will be asked for its 20
    assert posted(Kind.EARNINGS, who) == 7 * USD
    assert (posted(Kind.HOLD_BACK, who), available(Kind.EARNINGS, who)) == (0, 7 * USD)
    assert CardSpend.objects.get(provider_id=who).taken_nano_usd == 30 * USD
    assert drift() == 0
    dispute = won(double, dispute)
    assert (dispute.state, dispute.reinstated_nano_usd) == ("won", 100 * USD)
    assert (posted(Kind.EARNINGS, who), posted(Kind.HOLD_BACK, who)) == (57 * USD, 30 * USD)
    assert available(Kind.EARNINGS, who) == 57 * USD
    assert money(payer_id) == (0, 20 * USD, FEE)
    assert CardSpend.objects.get(provider_id=who).taken_nano_usd == 0
    assert drift() == 0


def test_providers_pay_only_what_the_payer_has_not(double, drift):
    one, two = provider(double), provider(double)
    payer_id, deposit = payer(double, 100)
    earn(one, payer_id, 30 * USD)
    earn(two, payer_id, 30 * USD)
    to_funding(payer_id, 25 * USD)
    opened(double, deposit, amount=80_00)
    assert money(payer_id) == (0, 15 * USD, 15 * USD + FEE)
    assert (posted(Kind.EARNINGS, one), posted(Kind.EARNINGS, two)) == (0, 20 * USD)
    assert (available(Kind.EARNINGS, two), drift()) == (0, 0)


def test_debt_is_repaid_by_what_comes_next_and_a_win_gives_the_rest_back(double, drift):
    payer_id, deposit = payer(double, 100)
    move((account(Kind.WALLET, payer_id), account(Kind.EXTERNAL_CASH), 100 * USD))  # spent elsewhere
    dispute = opened(double, deposit)
    assert money(payer_id) == (0, 0, 100 * USD + FEE)
    pay_in(double, payer_id, 90)
    assert money(payer_id) == (0, 0, 25 * USD)
    won(double, dispute)
    # 25 of what is open is repaid by what came back, 75 had been repaid by the payer, who gets them
    assert money(payer_id) == (75 * USD, 0, 0)
    assert drift() == 0


def test_a_debt_takes_funding_and_earnings_but_not_what_is_set_aside(double):
    payer_id, deposit = payer(double, 100)
    other, _ = payer(double, 50)
    move((account(Kind.WALLET, payer_id), account(Kind.EXTERNAL_CASH), 100 * USD))
    opened(double, deposit)
    move((account(Kind.EXTERNAL_CASH), account(Kind.FUNDING, payer_id), 10 * USD))
    give(payer_id, 20 * USD)
    earn(payer_id, other, 40 * USD)
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 30 * USD
    assert debt_collect(organisation_id=payer_id, now=utc_now()) == 0
    assert money(payer_id) == (0, 0, 85 * USD)
    assert posted(Kind.EARNINGS, payer_id) == 40 * USD


def test_debts_are_never_repaid_beyond_nothing(double):
    payer_id, deposit = payer(double, 100)
    move((account(Kind.WALLET, payer_id), account(Kind.EXTERNAL_CASH), 100 * USD))
    opened(double, deposit)
    owed = debt_of(payer_id)
    code = refusal_of(
        lambda: move((account(Kind.EXTERNAL_CASH), account(Kind.DISPUTE_DEBT, payer_id), owed + 1))
    )
    assert (code, debt_of(payer_id)) == (Code.HOLD_NOT_COVERING, owed)


def test_a_debtor_is_not_paid_out(double):
    who = provider(double)
    deposit = pay_in(double, who, 100)
    move((account(Kind.WALLET, who), account(Kind.EXTERNAL_CASH), 100 * USD))
    opened(double, deposit)
    give(who, 200 * USD)
    assert refusal_of(lambda: decide(who)) is Code.DEBT_OPEN
    assert debt_collect(organisation_id=who, now=utc_now()) == 100 * USD + FEE
    assert decide(who).amount_nano_usd == 200 * USD - 100 * USD - FEE


def test_a_dispute_after_the_provider_was_paid_out_is_the_payers_debt(double, drift):
    who = provider(double)
    payer_id, deposit = payer(double, 100)
    risk_is_over(deposit)
    earn(who, payer_id, 90 * USD)
    payout = step(decide(who))
    assert payout.state == "paid_out"
    opened(double, deposit)
    assert money(payer_id) == (0, 10 * USD, 100 * USD + FEE)
    assert (posted(Kind.EARNINGS, who), drift()) == (0, 0)
    double.advance(3 * 86_400)
    assert step(payout).state == "paid"


def test_an_inquiry_takes_nothing_until_it_becomes_a_dispute(double, drift):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    found = opened_elsewhere(double, deposit)
    asked = with_changes(found, status="warning_needs_response", movements=())
    for status, state in (("warning_needs_response", "inquiry"), ("warning_closed", "inquiry_closed")):
        dispute = applied(deposit, with_changes(asked, status=status))
        assert (dispute.state, dispute.withdrawn_nano_usd) == (state, 0)
        assert money(payer_id) == (100 * USD, 0, 0)
    dispute = applied(deposit, found)
    assert (dispute.state, money(payer_id)) == ("open", (0, 0, FEE))
    assert drift() == 0


def test_the_same_event_twice_and_at_once_takes_once(double, drift):
    """elizaOS/eliza#31449 and its forerunners: each delivery took again."""
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    found = opened_elsewhere(double, deposit)
    events = [noted(kind="dispute", object_id=found.id) for _ in range(5)]
    at_once(*[lambda event=event: event_process(event_id=event.id, now=utc_now()) for event in events])
    for event in events:
        event_process(event_id=event.id, now=utc_now() + timedelta(hours=2))
    assert Dispute.objects.filter(stripe_dispute_id=found.id).count() == 1
    assert (money(payer_id), drift()) == ((0, 0, FEE), 0)


def test_a_win_that_is_heard_before_the_opening_moves_nothing_in_the_end(double, drift):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    found = opened_elsewhere(double, deposit)
    double.control(f"disputes/{found.id}/win")
    events_arrive()
    dispute = Dispute.objects.get(stripe_dispute_id=found.id)
    assert (dispute.state, dispute.withdrawn_nano_usd) == ("won", 100 * USD)
    assert (dispute.reinstated_nano_usd, money(payer_id)) == (100 * USD, (100 * USD - FEE, 0, 0))
    assert drift() == 0


def test_a_won_dispute_gives_back_exactly_what_was_taken_and_a_refund_then_takes_its_own(double, drift):
    """elizaOS/eliza#10938, #10997, #11017: over-claw of won disputes, wrong delta after reinstatement."""
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    dispute = won(double, opened(double, deposit))
    assert (dispute.withdrawn_nano_usd, dispute.reinstated_nano_usd) == (100 * USD, 100 * USD)
    assert money(payer_id) == (100 * USD - FEE, 0, 0)  # the fee of 15 was repaid by what came back
    deposit.refresh_from_db()
    assert (deposit.disputed_nano_usd, deposit.left_nano_usd) == (0, 100 * USD)
    lot = CardLot.objects.get(payment_intent_id=deposit.payment_intent_id)
    assert (lot.returned_nano_usd, lot.remaining_nano_usd) == (0, 100 * USD)
    assert drift() == 0


def test_cents_become_nano_dollars_and_nothing_else(double, drift):
    """elizaOS/eliza#11155: 500 credits came back as 10, dollars taken for credits."""
    payer_id, deposit = payer(double, 5)
    to_funding(payer_id, 5 * USD)
    dispute = opened(double, deposit, amount=3_33)
    assert (dispute.amount_nano_usd, dispute.withdrawn_nano_usd) == (3_330_000_000, 3_330_000_000)
    assert money(payer_id) == (1_670_000_000, 0, 15_000_000_000)
    dispute = won(double, dispute)
    assert dispute.reinstated_nano_usd == 3_330_000_000
    assert (sum(money(payer_id)[:2]) - debt_of(payer_id), drift()) == (5 * USD - FEE, 0)


def test_a_fee_that_stripe_returns_is_owed_no_more(double, drift):
    double.settings(dispute_fee_returned=True)
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    dispute = won(double, opened(double, deposit))
    assert (dispute.fee_nano_usd, dispute.fee_returned_nano_usd) == (FEE, FEE)
    assert (money(payer_id), drift()) == ((100 * USD, 0, 0), 0)


def test_a_dispute_decided_against_us_may_be_won_later(double, drift):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    dispute = lost(double, opened(double, deposit))
    assert dispute.state == "lost"
    assert (won(double, dispute).state, drift()) == ("won", 0)


def test_a_step_that_dies_between_reading_and_posting_is_taken_again(double, drift):
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    found = opened_elsewhere(double, deposit)
    with (
        mock.patch("billing.services.dispute_post._note", side_effect=SystemExit("the process dies here")),
        pytest.raises(SystemExit),
    ):
        applied(deposit, found)
    assert money(payer_id) == (100 * USD, 0, 0)
    assert not Dispute.objects.filter(stripe_dispute_id=found.id).exists()
    events_arrive()
    assert (money(payer_id), drift()) == ((0, 0, FEE), 0)


def test_a_dispute_of_a_payment_that_is_none_of_ours_moves_nothing(double):
    _, deposit = payer(double, 100)
    found = opened_elsewhere(double, deposit)
    payment = gateway.payment_get(str(deposit.payment_intent_id))
    theirs = dataclasses.replace(payment, id="pi_elsewhere", metadata={})
    with (
        mock.patch.object(gateway, "dispute_get", return_value=with_changes(found, payment_id=theirs.id)),
        mock.patch.object(gateway, "payment_get", return_value=theirs),
    ):
        assert dispute_fetch(found.id) is None


def test_the_tax_in_a_disputed_payment_is_owed_to_no_office(double, drift):
    who = builders.organisation("payer").id
    profile = {"legal_name": "A", "address_lines": ["x"], "country": "DE", "email": "a@example.com"}
    BillingProfile.objects.create(organisation_id=who, updated_at=utc_now(), **profile)
    tax_before = posted(Kind.TAX)
    deposit = pay_in(double, who, 100)
    assert deposit.tax_nano_usd == 19 * USD
    to_funding(who, 100 * USD)
    first = opened(double, deposit, amount=50_00)
    share = 50 * 19 * USD // 119
    assert (posted(Kind.TAX) - tax_before, money(who)) == (
        19 * USD - share,
        (50 * USD + share, 0, FEE),
    )
    won(double, first)
    assert (posted(Kind.TAX) - tax_before, drift()) == (19 * USD, 0)


def test_a_debtors_card_is_not_charged_for_it_and_nothing_is_refunded_before(double):
    payer_id, deposit = payer(double, 100)
    rules = AutoTopUpRules(
        threshold_nano_usd=10 * USD,
        amount_nano_usd=50 * USD,
        monthly_cap_nano_usd=500 * USD,
        payment_method=saved_card(double, payer_id),
    )
    auto_top_up_set(organisation_id=payer_id, rules=rules, now=utc_now())
    move((account(Kind.WALLET, payer_id), account(Kind.EXTERNAL_CASH), 95 * USD))
    assert payer_id in running_low(now=utc_now())
    opened(double, deposit, amount=50_00)
    assert payer_id not in running_low(now=utc_now())
    assert refusal_of(lambda: ask(payer_id, 5 * USD)) is Code.DEBT_OPEN
    assert money(payer_id) == (0, 5 * USD, 50 * USD + FEE)
