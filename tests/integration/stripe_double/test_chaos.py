"""Faults: what the seed says, each time the same."""

from typing import Any

import pytest
import stripe

from tests.integration.stripe_double.receiver import Receiver
from tests.stripe import StripeDouble

_PAY = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


def _outcomes(double: StripeDouble, sdk: stripe.StripeClient, **chaos: Any) -> list[str]:
    double.reset(seed=1)
    double.chaos(**chaos)
    outcomes = []
    for _ in range(40):
        try:
            sdk.v1.payment_intents.create(_PAY)
            outcomes.append("done")
        except stripe.APIConnectionError:
            outcomes.append("closed")
        except stripe.StripeError as error:
            outcomes.append(str(error.http_status))
    return outcomes


def test_the_seed_decides_what_each_request_meets(double, sdk):
    chaos = {"error_before": 10, "rate_limited": 10, "error_after": 10, "timeout_after": 10}
    first = _outcomes(double, sdk, seed=7, **chaos)
    charged = double.platform_cents()
    assert set(first) == {"done", "500", "429", "closed"}
    assert charged == 941 * len(sdk.v1.charges.list({"limit": 100}).data)
    assert first.count("done") + first.count("closed") <= charged // 941 < 40
    assert _outcomes(double, sdk, seed=7, **chaos) == first
    assert double.platform_cents() == charged
    assert _outcomes(double, sdk, seed=8, **chaos) != first


def test_other_requests_between_change_nothing(double, sdk):
    chaos = {"seed": 7, "error_before": 30}
    first = _outcomes(double, sdk, **chaos)
    double.reset(seed=1)
    double.chaos(**chaos)
    outcomes = []
    for _ in range(40):
        try:
            sdk.v1.payment_intents.create(_PAY)
            outcomes.append("done")
        except stripe.StripeError as error:
            outcomes.append(str(error.http_status))
        try:
            sdk.v1.customers.create({})
        except stripe.StripeError:
            continue
    assert outcomes == first


def test_without_chaos_nothing_goes_wrong(double, sdk):
    double.chaos(error_before=100)
    double.chaos()
    assert sdk.v1.payment_intents.create(_PAY).status == "succeeded"


def _kinds(double: StripeDouble, sdk: stripe.StripeClient, receiver: Receiver, **chaos: Any) -> list[str]:
    receiver.got.clear()
    double.reset(seed=1)
    double.chaos(**chaos)
    for _ in range(5):
        sdk.v1.payment_intents.create(_PAY)
    double.advance(chaos.get("webhook_delay_max_s", 0))
    return [f"{event['type']} {event['id']}" for event in receiver.events]


def test_webhooks_come_several_times_late_and_in_another_order(double, sdk, receiver):
    straight = _kinds(double, sdk, receiver)
    chaos = {"seed": 3, "webhook_duplicates": 4, "webhook_delay_max_s": 86_400, "webhook_shuffle": True}
    shuffled = _kinds(double, sdk, receiver, **chaos)
    assert (len(straight), len(shuffled)) == (15, 75)
    assert sorted(shuffled) == sorted(straight * 5)
    first_seen = list(dict.fromkeys(shuffled))
    assert first_seen != straight
    assert _kinds(double, sdk, receiver, **chaos) == shuffled
    assert _kinds(double, sdk, receiver, **{**chaos, "seed": 4}) != shuffled


def test_lost_first_deliveries_are_made_up_for(double, sdk, receiver):
    double.chaos(seed=1, webhook_drop=100)
    sdk.v1.customers.create({})
    double.deliver()
    assert receiver.got == []
    double.advance(300)
    assert receiver.types == ["customer.created"]


def test_webhooks_may_come_before_the_answer(double, sdk, receiver):
    seen: list[str] = []
    receiver.on_post = lambda event: seen.append(sdk.v1.customers.retrieve(event["data"]["object"]["id"]).id)
    double.chaos(webhook_first=100)
    customer = sdk.v1.customers.create({}).id
    assert seen == [customer]


def test_an_unknown_fault_is_refused(double):
    with pytest.raises(AssertionError, match="error_sometimes"):
        double.chaos(error_sometimes=3)
