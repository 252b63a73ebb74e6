"""Idempotency keys: the first answer again, whatever it was; never the effect twice."""

import threading
from typing import Any

import pytest
import stripe

from tests.integration.stripe_double.receiver import Receiver
from tests.stripe import StripeDouble

_PAY = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


def _refused(call: Any, *arguments: Any) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as refused:
        call(*arguments)
    return refused.value


def test_the_same_key_gives_the_same_answer_and_no_second_effect(double, sdk):
    first = sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"})
    again = sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"})
    assert again.to_dict() == first.to_dict()
    assert first.last_response.headers.get("Idempotent-Replayed") is None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Request-Id"] != first.last_response.headers["Request-Id"]
    assert double.platform_cents() == 1_000 - 59
    assert len(sdk.v1.payment_intents.list().data) == 1


def test_the_answer_is_the_first_one_even_if_the_object_has_changed(sdk):
    first = sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    sdk.v1.customers.update(first.id, {"name": "Grace"})
    assert sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).name == "Ada"


def test_a_decline_is_remembered_too(double, sdk):
    params = {**_PAY, "payment_method": "pm_card_visa_chargeDeclined"}
    first = _refused(sdk.v1.payment_intents.create, params, {"idempotency_key": "k"})
    again = _refused(sdk.v1.payment_intents.create, params, {"idempotency_key": "k"})
    assert (
        (again.http_status, again.http_body) == (first.http_status, first.http_body) == (402, again.http_body)
    )
    assert len(sdk.v1.charges.list().data) == 1


def test_a_500_is_remembered_for_24_hours_though_the_effect_is_there(double, sdk):
    double.fault("POST /v1/payment_intents", "error_after")
    for _ in range(2):
        error = _refused(sdk.v1.payment_intents.create, _PAY, {"idempotency_key": "k"})
        assert (type(error), error.http_status) == (stripe.APIError, 500)
    assert double.platform_cents() == 941
    double.advance(86_400 - 60)
    assert _refused(sdk.v1.payment_intents.create, _PAY, {"idempotency_key": "k"}).http_status == 500
    double.advance(60)
    assert sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"}).status == "succeeded"
    assert double.platform_cents() == 2 * 941


@pytest.mark.parametrize("fault", ["error_before", "rate_limited"])
def test_what_never_began_is_not_remembered(double, sdk, fault):
    double.fault("POST /v1/payment_intents", fault)
    error = _refused(sdk.v1.payment_intents.create, _PAY, {"idempotency_key": "k"})
    assert error.http_status == {"error_before": 500, "rate_limited": 429}[fault]
    assert double.platform_cents() == 0
    assert sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"}).status == "succeeded"


def test_after_a_closed_connection_the_key_gives_the_result(double, sdk):
    double.fault("POST /v1/payment_intents", "timeout_after")
    error = _refused(sdk.v1.payment_intents.create, _PAY, {"idempotency_key": "k"})
    assert type(error) is stripe.APIConnectionError
    assert double.platform_cents() == 941
    assert sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"}).status == "succeeded"
    assert double.platform_cents() == 941


def test_another_request_under_the_same_key_is_refused(double, sdk):
    sdk.v1.payment_intents.create(_PAY, {"idempotency_key": "k"})
    error = _refused(sdk.v1.payment_intents.create, {**_PAY, "amount": 999}, {"idempotency_key": "k"})
    assert (type(error), error.http_status) == (stripe.IdempotencyError, 400)
    assert _refused(sdk.v1.customers.create, {}, {"idempotency_key": "k"}).http_status == 400
    assert double.platform_cents() == 941


def test_accounts_have_keys_of_their_own(sdk):
    account = sdk.v1.accounts.create({"type": "express"}, {"idempotency_key": "k"})
    error = _refused(
        sdk.v1.payouts.create,
        {"amount": 1, "currency": "usd"},
        {"idempotency_key": "k", "stripe_account": account.id},
    )
    assert error.code == "payouts_not_allowed"


def test_invalid_parameters_leave_the_key_free(sdk):
    assert (
        _refused(sdk.v1.customers.create, {"nmae": "x"}, {"idempotency_key": "k"}).code == "parameter_unknown"
    )
    assert sdk.v1.customers.create({"name": "x"}, {"idempotency_key": "k"}).name == "x"


def test_a_key_in_use_is_a_conflict(
    double: StripeDouble, sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """The first request waits for its webhook's receiver, who meanwhile sends the second."""
    seen: list[stripe.StripeError] = []
    created = threading.Event()

    def ask_again(event: dict[str, Any]) -> None:
        if event["type"] == "customer.created" and not created.is_set():
            created.set()
            seen.append(_refused(sdk.v1.customers.create, {"name": "x"}, {"idempotency_key": "k"}))

    receiver.on_post = ask_again
    double.chaos(webhook_first=100)
    assert sdk.v1.customers.create({"name": "x"}, {"idempotency_key": "k"}).name == "x"
    assert [(error.http_status, error.error.code) for error in seen] == [(409, "idempotency_key_in_use")]
    assert len(sdk.v1.customers.list().data) == 1


def test_a_key_of_256_letters_is_refused(sdk):
    assert _refused(sdk.v1.customers.create, {}, {"idempotency_key": "k" * 256}).http_status == 400
    assert sdk.v1.customers.create({}, {"idempotency_key": "k" * 255}).id
