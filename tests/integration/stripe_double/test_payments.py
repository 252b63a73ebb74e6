"""Customers, cards, Checkout, payment and setup intents."""

import pytest
import stripe

from tests.stripe import StripeDouble


def _session(sdk: stripe.StripeClient, customer: str, **more: object) -> stripe.checkout.Session:
    line = {"price_data": {"currency": "usd", "unit_amount": 5_000, "product_data": {"name": "Deposit"}}}
    return sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "success_url": "https://cux.test/ok?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://cux.test/no",
            "line_items": [{**line, "quantity": 1}],
            "payment_intent_data": {"metadata": {"deposit": "7"}, "setup_future_usage": "off_session"},
            **more,
        }
    )


def test_a_paid_checkout_saves_the_card_and_books_the_money_less_the_fee(double, sdk, customer):
    session = _session(sdk, customer)
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert double.pay(session.url, line1="1 Main St") == f"https://cux.test/ok?s={session.id}"
    paid = sdk.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["deposit"]) == ("succeeded", 5_000, "7")
    assert intent.latest_charge.billing_details.address.line1 == "1 Main St"
    booked = intent.latest_charge.balance_transaction
    assert (booked.amount, booked.fee, booked.net, booked.status) == (5_000, 175, 4_825, "pending")
    saved = sdk.v1.customers.payment_methods.list(customer).data
    assert [(item.card.brand, item.card.last4) for item in saved] == [("visa", "4242")]
    assert double.platform_cents() == 4_825


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4100000000000019", "card_declined", "fraudulent"),
        ("4000000000000069", "expired_card", None),
    ],
)
def test_a_declined_card_leaves_the_session_open_and_nothing_booked(
    double, sdk, customer, card, code, decline_code
):
    session = _session(sdk, customer)
    assert double.pay(session.url, card) is None
    session = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    error = session.payment_intent.last_payment_error
    assert (session.status, session.payment_intent.status) == ("open", "requires_payment_method")
    assert (error.type, error.code, error.to_dict().get("decline_code")) == ("card_error", code, decline_code)
    assert double.platform_cents() == 0
    assert double.pay(session.url) is not None
    assert double.platform_cents() == 4_825


def test_authentication_is_asked_and_decides(double, sdk, customer):
    refused, agreed = _session(sdk, customer), _session(sdk, customer)
    assert double.pay(refused.url, "4000002760003184", authenticate=False) == refused.url
    assert double.platform_cents() == 0
    assert double.pay(agreed.url, "4000002760003184").startswith("https://cux.test/ok")
    assert double.platform_cents() == 4_825


def test_a_saved_card_pays_without_its_holder(double, sdk, customer):
    double.pay(_session(sdk, customer).url)
    card = sdk.v1.customers.payment_methods.list(customer).data[0].id
    intent = sdk.v1.payment_intents.create(
        {
            "amount": 1_000,
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "off_session": True,
            "confirm": True,
        }
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 1_000)


@pytest.mark.parametrize(
    ("ready", "code"),
    [
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_chargeCustomerFail", "card_declined"),
    ],
)
def test_off_session_failures_are_card_errors_with_the_intent(double, sdk, customer, ready, code):
    card = sdk.v1.payment_methods.attach(ready, {"customer": customer}).id
    with pytest.raises(stripe.CardError) as refused:
        sdk.v1.payment_intents.create(
            {
                "amount": 1_000,
                "currency": "usd",
                "customer": customer,
                "payment_method": card,
                "off_session": True,
                "confirm": True,
                "metadata": {"try": "1"},
            }
        )
    assert (refused.value.http_status, refused.value.code) == (402, code)
    intent = sdk.v1.payment_intents.retrieve(refused.value.error.payment_intent.id)
    assert (intent.status, intent.metadata["try"]) == ("requires_payment_method", "1")
    assert double.platform_cents() == 0


def test_a_setup_intent_saves_a_card_for_later(double, sdk, customer):
    session = sdk.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer, "success_url": "https://cux.test/saved", "currency": "usd"}
    )
    assert double.pay(session.url, "4000002500003155") == "https://cux.test/saved"
    session = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (session.setup_intent.status, session.payment_status) == ("succeeded", "no_payment_required")
    charge = sdk.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "usd",
            "customer": customer,
            "payment_method": session.setup_intent.payment_method,
            "off_session": True,
            "confirm": True,
        }
    )
    assert charge.status == "succeeded"


def test_another_customers_card_is_refused(sdk, customer):
    other = sdk.v1.customers.create({}).id
    card = sdk.v1.payment_methods.attach("pm_card_visa", {"customer": other}).id
    with pytest.raises(stripe.InvalidRequestError):
        sdk.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
        )
    assert sdk.v1.payment_intents.list().data == []


def test_the_same_card_has_the_same_fingerprint_everywhere_and_a_detached_one_is_spent(sdk, customer):
    first = sdk.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    other = sdk.v1.customers.create({}).id
    second = sdk.v1.payment_methods.attach("pm_card_visa", {"customer": other})
    third = sdk.v1.payment_methods.attach("pm_card_mastercard", {"customer": other})
    assert first.card.fingerprint == second.card.fingerprint != third.card.fingerprint
    assert sdk.v1.payment_methods.detach(first.id).customer is None
    assert sdk.v1.customers.payment_methods.list(customer).data == []
    with pytest.raises(stripe.InvalidRequestError):
        sdk.v1.payment_methods.attach(first.id, {"customer": customer})


def test_a_cancelled_intent_stays_cancelled(sdk, customer):
    intent = sdk.v1.payment_intents.create({"amount": 900, "currency": "usd", "customer": customer})
    assert intent.status == "requires_payment_method"
    assert sdk.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_session_expires_by_the_clock(double: StripeDouble, sdk, customer):
    session = _session(sdk, customer)
    double.advance(86_400)
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "expired"
