"""Balances, refunds and disputes, to the cent."""

import pytest
import stripe

from tests.stripe import StripeDouble

DAY_S = 86_400


def _paid(sdk: stripe.StripeClient, amount: int = 10_000, ready: str = "pm_card_visa") -> stripe.Charge:
    pay = {"amount": amount, "currency": "usd", "payment_method": ready, "confirm": True}
    return sdk.v1.payment_intents.create({**pay, "expand": ["latest_charge"]}).latest_charge


def _balance(sdk: stripe.StripeClient) -> tuple[int, int]:
    balance = sdk.v1.balance.retrieve()
    return balance.available[0].amount, balance.pending[0].amount


@pytest.mark.parametrize(("amount", "fee"), [(50, 31), (1_000, 59), (10_000, 320), (1_050, 60), (1_049, 60)])
def test_the_fee_of_a_payment(sdk, amount, fee):
    charge = _paid(sdk, amount)
    booked = sdk.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (booked.amount, booked.fee, booked.net) == (amount, fee, amount - fee)
    assert (booked.type, booked.reporting_category, booked.source) == ("charge", "charge", charge.id)


def test_money_is_available_after_two_days_of_the_clock(double, sdk):
    _paid(sdk)
    assert _balance(sdk) == (0, 9_680)
    double.advance(2 * DAY_S - 5)
    assert _balance(sdk) == (0, 9_680)
    double.advance(5)
    assert _balance(sdk) == (9_680, 0)
    assert sdk.v1.balance_transactions.list().data[0].status == "available"


def test_a_refund_in_parts_never_exceeds_the_payment_and_keeps_the_fee(double, sdk):
    charge = _paid(sdk)
    first = sdk.v1.refunds.create({"charge": charge.id, "amount": 4_000, "metadata": {"refund": "1"}})
    assert (first.status, first.metadata["refund"]) == ("succeeded", "1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.refunds.create({"charge": charge.id, "amount": 6_001})
    assert (refused.value.param, double.platform_cents()) == ("amount", 10_000 - 320 - 4_000)
    sdk.v1.refunds.create({"charge": charge.id})
    charge = sdk.v1.charges.retrieve(charge.id)
    assert (charge.amount_refunded, charge.refunded) == (10_000, True)
    assert double.platform_cents() == -320
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.refunds.create({"charge": charge.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    booked = sdk.v1.balance_transactions.retrieve(first.balance_transaction)
    assert (booked.amount, booked.fee, booked.net, booked.type) == (-4_000, 0, -4_000, "refund")


def test_a_refund_may_be_pending_and_then_arrive(double, sdk):
    charge = _paid(sdk, ready="pm_card_pendingRefund")
    refund = sdk.v1.refunds.create({"charge": charge.id})
    assert refund.status == "pending"
    double.advance(5)
    assert sdk.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert double.platform_cents() == -320


def test_a_refund_may_fail_and_gives_its_money_back(double, sdk):
    charge = _paid(sdk, ready="pm_card_refundFail")
    refund = sdk.v1.refunds.create({"charge": charge.id, "amount": 1_000})
    assert (refund.status, double.platform_cents()) == ("succeeded", 8_680)
    double.advance(5)
    refund = sdk.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (refund.failure_balance_transaction.net, double.platform_cents()) == (1_000, 9_680)
    assert sdk.v1.charges.retrieve(charge.id).amount_refunded == 0


def test_a_refund_fails_on_request(double: StripeDouble, sdk):
    refund = sdk.v1.refunds.create({"charge": _paid(sdk).id})
    double.control(f"refunds/{refund.id}", status="failed", reason="declined")
    assert sdk.v1.refunds.retrieve(refund.id).failure_reason == "declined"
    assert double.platform_cents() == 9_680


def _disputed(double: StripeDouble, sdk: stripe.StripeClient) -> stripe.Dispute:
    charge = _paid(sdk, ready="pm_card_createDispute")
    double.deliver()
    (dispute,) = sdk.v1.disputes.list({"charge": charge.id}).data
    return dispute


def _kinds(sdk: stripe.StripeClient) -> list[str]:
    events = sdk.v1.events.list({"limit": 100}).data[::-1]
    return [event.type for event in events if event.type.startswith("charge.dispute")]


def test_a_dispute_takes_the_money_and_a_fee_when_it_is_opened(double, sdk):
    dispute = _disputed(double, sdk)
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 10_000, "fraudulent")
    (taken,) = dispute.balance_transactions
    assert (taken.amount, taken.fee, taken.net) == (-10_000, 1_500, -11_500)
    assert double.platform_cents() == 9_680 - 11_500
    assert _kinds(sdk) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.refunds.create({"charge": dispute.charge})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize(("fee_returned", "left"), [(False, 8_180), (True, 9_680)])
def test_a_won_dispute_gives_the_money_back(double, sdk, fee_returned, left):
    double.settings(dispute_fee_returned=fee_returned)
    dispute = _disputed(double, sdk)
    won = sdk.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (won.status, len(won.balance_transactions), double.platform_cents()) == ("won", 2, left)
    assert _kinds(sdk)[2:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_a_lost_dispute_moves_nothing_more_and_may_still_be_won(double, sdk):
    dispute = _disputed(double, sdk)
    assert sdk.v1.disputes.close(dispute.id).status == "lost"
    assert double.platform_cents() == -1_820
    double.control(f"disputes/{dispute.id}/win")
    assert sdk.v1.disputes.retrieve(dispute.id).status == "won"
    assert double.platform_cents() == 8_180


def test_an_unanswered_dispute_is_lost_by_the_clock(double, sdk):
    dispute = _disputed(double, sdk)
    double.advance(9 * DAY_S)
    assert sdk.v1.disputes.retrieve(dispute.id).status == "lost"


def test_reinstated_funds_come_once(double, sdk):
    dispute = _disputed(double, sdk)
    double.control(f"disputes/{dispute.id}/reinstate")
    double.control(f"disputes/{dispute.id}/win")
    assert double.platform_cents() == 8_180
    assert _kinds(sdk).count("charge.dispute.funds_reinstated") == 1


def test_the_fee_of_a_payment_may_be_known_late(double, sdk):
    double.settings(late_balance_transaction_s=60)
    late = _paid(sdk)
    assert (late.balance_transaction, double.platform_cents()) == (None, 0)
    pay = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    at_once = sdk.v1.payment_intents.create(
        {**pay, "capture_method": "automatic", "expand": ["latest_charge.balance_transaction"]}
    )
    assert at_once.latest_charge.balance_transaction.fee == 45
    double.advance(60)
    assert sdk.v1.charges.retrieve(late.id).balance_transaction is not None
    assert double.platform_cents() == 9_680 + 455
