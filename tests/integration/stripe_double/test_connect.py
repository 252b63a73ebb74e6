"""Connected accounts: onboarding, transfers, payouts."""

import pytest
import stripe

from tests.stripe import StripeDouble

DAY_S = 86_400


def _account(sdk: stripe.StripeClient) -> stripe.Account:
    return sdk.v1.accounts.create(
        {"type": "express", "country": "US", "capabilities": {"transfers": {"requested": True}}}
    )


def _link(sdk: stripe.StripeClient, account: str, kind: str = "account_onboarding") -> str:
    return sdk.v1.account_links.create(
        {
            "account": account,
            "type": kind,
            "refresh_url": "https://cux.test/again",
            "return_url": "https://cux.test/back",
        }
    ).url


def _ready(double: StripeDouble, sdk: stripe.StripeClient, number: str = "000123456789") -> str:
    """Return an onboarded account that is paid out by hand; the platform has $100."""
    account = _account(sdk).id
    double.onboard(_link(sdk, account), account_number=number)
    manual = {"settings": {"payouts": {"schedule": {"interval": "manual"}}}}
    sdk.v1.accounts.update(account, manual)
    double.control("top_up/platform", amount=10_000)
    return account


def _send(sdk: stripe.StripeClient, account: str, amount: int) -> stripe.Transfer:
    return sdk.v1.transfers.create({"amount": amount, "currency": "usd", "destination": account})


def _pay_out(sdk: stripe.StripeClient, account: str, amount: int) -> stripe.Payout:
    return sdk.v1.payouts.create({"amount": amount, "currency": "usd"}, {"stripe_account": account})


def test_onboarding_opens_an_account_and_a_link_works_once(double, sdk):
    account = _account(sdk)
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False,) * 3
    assert "external_account" in account.requirements.currently_due
    url = _link(sdk, account.id)
    assert double.onboard(url, name="Northwind", line1="1 Main St") == "https://cux.test/back"
    assert double.onboard(url) == "https://cux.test/again"
    account = sdk.v1.accounts.retrieve(account.id)
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (True,) * 3
    assert (account.requirements.currently_due, account.capabilities.transfers) == ([], "active")
    (bank,) = sdk.v1.accounts.external_accounts.list(account.id).data
    assert (bank.last4, bank.routing_number, bank.status) == ("6789", "110000000", "new")


def test_a_link_ends_after_five_minutes(double, sdk):
    url = _link(sdk, _account(sdk).id)
    double.advance(301)
    assert double.onboard(url) == "https://cux.test/again"


def test_the_same_bank_account_has_the_same_fingerprint(double, sdk):
    prints = []
    for number in ("000123456789", "000123456789", "000999999991"):
        account = _ready(double, sdk, number)
        prints.append(sdk.v1.accounts.external_accounts.list(account).data[0].fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_requirements_close_and_open_an_account(double, sdk):
    account = _ready(double, sdk)
    double.control(f"accounts/{account}/require", fields=["external_account"])
    closed = sdk.v1.accounts.retrieve(account)
    assert (closed.payouts_enabled, closed.requirements.disabled_reason) == (False, "requirements.past_due")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _send(sdk, account, 100)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    double.control(f"accounts/{account}/require", fields=[])
    assert _send(sdk, account, 100).amount == 100
    events = sdk.v1.events.list({"type": "account.updated"}, {"stripe_account": account}).data
    assert {event.account for event in events} == {account}


def test_a_transfer_needs_available_money(double, sdk):
    account = _ready(double, sdk)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _send(sdk, account, 10_001)
    assert (refused.value.code, double.platform_cents()) == ("balance_insufficient", 10_000)
    transfer = _send(sdk, account, 10_000)
    assert (double.platform_cents(), transfer.reversed) == (0, False)
    balance = sdk.v1.balance.retrieve(options={"stripe_account": account})
    assert balance.available[0].amount == 10_000


def test_a_transfer_is_reversed_in_parts_while_its_money_is_there(double, sdk):
    account = _ready(double, sdk)
    transfer = _send(sdk, account, 1_000)
    part = sdk.v1.transfers.reversals.create(transfer.id, {"amount": 400})
    assert (part.amount, double.platform_cents()) == (400, 9_400)
    with pytest.raises(stripe.InvalidRequestError):
        sdk.v1.transfers.reversals.create(transfer.id, {"amount": 601})
    _pay_out(sdk, account, 500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.transfers.reversals.create(transfer.id)
    assert (refused.value.code, double.platform_cents()) == ("balance_insufficient", 9_400)
    sdk.v1.transfers.reversals.create(transfer.id, {"amount": 100})
    assert sdk.v1.transfers.retrieve(transfer.id).amount_reversed == 500


def test_a_payout_travels_and_arrives_by_the_clock(double, sdk):
    account = _ready(double, sdk)
    _send(sdk, account, 1_000)
    payout = _pay_out(sdk, account, 1_000)
    of_account = {"stripe_account": account}

    def status() -> str:
        return sdk.v1.payouts.retrieve(payout.id, options=of_account).status

    assert (payout.status, payout.automatic) == ("pending", False)
    double.advance(3_600)
    assert status() == "in_transit"
    double.advance(2 * DAY_S)
    assert status() == "paid"
    events = sdk.v1.events.list(options=of_account).data[::-1]
    kinds = [event.type for event in events if event.type.startswith("payout")]
    assert kinds == ["payout.created", "payout.updated", "payout.updated", "payout.paid"]
    with pytest.raises(stripe.InvalidRequestError):
        _pay_out(sdk, account, 1)


@pytest.mark.parametrize(
    ("number", "code"), [("000111111116", "no_account"), ("000111111113", "account_closed")]
)
def test_a_payout_to_a_bad_bank_account_fails_and_its_money_returns(double, sdk, number, code):
    account = _ready(double, sdk, number)
    _send(sdk, account, 1_000)
    payout = _pay_out(sdk, account, 1_000)
    double.advance(2 * DAY_S)
    of_account = {"stripe_account": account}
    payout = sdk.v1.payouts.retrieve(payout.id, options=of_account)
    assert (payout.status, payout.failure_code) == ("failed", code)
    assert sdk.v1.balance.retrieve(options=of_account).available[0].amount == 1_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _pay_out(sdk, account, 1_000)
    assert refused.value.code == "bank_account_unusable"


def test_a_paid_payout_may_still_be_returned(double, sdk):
    account = _ready(double, sdk)
    _send(sdk, account, 1_000)
    payout = _pay_out(sdk, account, 1_000)
    double.advance(2 * DAY_S)
    double.control(f"payouts/{payout.id}/fail", code="account_closed")
    of_account = {"stripe_account": account}
    assert sdk.v1.payouts.retrieve(payout.id, options=of_account).status == "failed"
    assert sdk.v1.balance.retrieve(options=of_account).available[0].amount == 1_000


def test_a_pending_payout_can_be_cancelled(double, sdk):
    account = _ready(double, sdk)
    _send(sdk, account, 1_000)
    of_account = {"stripe_account": account}
    payout = sdk.v1.payouts.cancel(_pay_out(sdk, account, 1_000).id, options=of_account)
    assert payout.status == "canceled"
    assert sdk.v1.balance.retrieve(options=of_account).available[0].amount == 1_000


def test_an_account_with_a_daily_schedule_is_paid_out_by_itself(double, sdk):
    account = _account(sdk).id
    double.onboard(_link(sdk, account))
    double.control("top_up/platform", amount=700)
    _send(sdk, account, 700)
    double.advance(DAY_S)
    (payout,) = sdk.v1.payouts.list(options={"stripe_account": account}).data
    assert (payout.amount, payout.automatic, payout.status) == (700, True, "pending")
