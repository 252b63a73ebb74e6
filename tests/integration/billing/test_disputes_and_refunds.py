"""Disputes of payments of which something was refunded, or is afterwards: nothing goes back twice."""

import uuid

from billing.ledger.chart import Kind
from billing.models import CardLot, Deposit, Refund
from tests.integration.billing.card_world import USD
from tests.integration.billing.dispute_world import (
    FEE,
    applied,
    money,
    opened,
    opened_elsewhere,
    to_funding,
    won,
)
from tests.integration.billing.payout_world import (
    account,
    arrive,
    move,
    payer,
)
from tests.integration.billing.refund_world import ask, pull
from tests.integration.billing.refund_world import step as refund_step


def refunded(who: uuid.UUID, usd: int) -> None:
    """Refund as much of an organisation's wallet to its card."""
    for refund in ask(who, usd * USD):
        assert refund_step(pull(refund)).state == "succeeded"


def test_after_a_partial_refund_a_dispute_takes_only_the_rest(double, drift):
    """elizaOS/eliza#10920: what was refunded was never clawed back; then it was, twice."""
    payer_id, deposit = payer(double, 100)
    refunded(payer_id, 30)
    funding, wallet, debt = money(payer_id)
    assert (funding, wallet, debt) == (0, 70 * USD, 0)
    dispute = opened(double, deposit)
    left = dispute.withdrawn_nano_usd
    refund_to_card = Refund.objects.get(organisation_id=payer_id).card_nano_usd
    assert left == 100 * USD - refund_to_card
    assert money(payer_id) == (0, 70 * USD, left + FEE)
    deposit.refresh_from_db()
    assert (deposit.refunded_nano_usd, deposit.left_nano_usd) == (30 * USD, 0)
    won(double, dispute)
    assert (money(payer_id), drift()) == ((0, 70 * USD, FEE), 0)


def test_a_refund_after_a_win_takes_what_it_refunds_and_no_more(double, drift):
    """elizaOS/eliza#10997, #11017: the delta of a partial refund was wrong after a reinstatement."""
    payer_id, deposit = payer(double, 100)
    to_funding(payer_id, 100 * USD)
    won(double, opened(double, deposit))
    arrive(payer_id)
    assert money(payer_id) == (0, 85 * USD, 0)
    for usd, left in ((30, 55), (20, 35)):
        refunded(payer_id, usd)
        assert (money(payer_id), drift()) == ((0, left * USD, 0), 0)
    deposit.refresh_from_db()
    assert (deposit.refunded_nano_usd, deposit.disputed_nano_usd) == (50 * USD, 0)
    lot = CardLot.objects.get(payment_intent_id=deposit.payment_intent_id)
    assert (lot.returned_nano_usd, lot.remaining_nano_usd) == (50 * USD, 50 * USD)


def test_a_dispute_of_a_payment_that_was_refunded_is_a_debt_beyond_the_deposit(double):
    payer_id, deposit = payer(double, 100)
    found = opened_elsewhere(double, deposit)
    Deposit.objects.filter(id=deposit.id).update(refunded_nano_usd=100 * USD)
    move((account(Kind.WALLET, payer_id), account(Kind.EXTERNAL_CASH), 100 * USD))
    dispute = applied(deposit, found)
    assert (money(payer_id), dispute.of_deposit_nano_usd) == ((0, 0, 100 * USD + FEE), 0)
    dispute = won(double, dispute)
    assert money(payer_id) == (0, 0, FEE)
    Deposit.objects.filter(id=deposit.id).update(refunded_nano_usd=0)
