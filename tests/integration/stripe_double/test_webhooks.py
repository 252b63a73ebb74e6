"""Webhooks: signed, repeated until they are taken, to each endpoint that wants them."""

import json

import pytest
import stripe

from tests.integration.stripe_double.receiver import Receiver, receiving
from tests.stripe import WEBHOOK_SECRET, StripeDouble

DAY_S = 86_400


def test_an_event_is_signed_and_holds_the_object_as_it_was(double, sdk, receiver):
    customer = sdk.v1.customers.create({"name": "Ada"})
    sdk.v1.customers.update(customer.id, {"name": "Grace"})
    double.deliver()
    body, signature = receiver.got[0]
    event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
    assert (event.type, event.data.object.id, event.data.object.name) == (
        "customer.created",
        customer.id,
        "Ada",
    )
    assert sdk.v1.events.retrieve(event.id).to_dict() == {**event.to_dict(), "pending_webhooks": 0}
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace(b"Ada", b"Eve"), signature, WEBHOOK_SECRET)
    assert receiver.types == ["customer.created", "customer.updated"]


def test_a_moved_clock_leaves_signatures_fresh(double, sdk, receiver):
    double.advance(30 * DAY_S)
    sdk.v1.customers.create({})
    double.deliver()
    event = stripe.Webhook.construct_event(*receiver.got[0], WEBHOOK_SECRET)
    assert abs(event.created - double.state()["now"]) <= 5


def test_two_secrets_sign_while_one_is_replaced(double, sdk):
    with receiving() as receiver:
        double.endpoint(receiver.url, "whsec_old", "whsec_new")
        sdk.v1.customers.create({})
        double.deliver()
        for secret in ("whsec_old", "whsec_new"):
            assert stripe.Webhook.construct_event(*receiver.got[0], secret).type == "customer.created"


def test_what_is_not_taken_is_sent_again_later_for_three_days(double: StripeDouble, sdk, receiver: Receiver):
    receiver.statuses = [500] * 100
    sdk.v1.customers.create({})
    double.deliver()
    counts = []
    for wait_s in (300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200):
        double.advance(wait_s)
        counts.append(len(receiver.got))
    assert counts == [2, 3, 4, 5, 6, 7, 8, 9]
    double.advance(30 * DAY_S)
    assert len(receiver.got) == 10
    assert len({json.loads(body)["id"] for body, _ in receiver.got}) == 1
    assert {line["status"] for line in double.state()["deliveries"]} == {500}


def test_what_is_taken_late_is_not_sent_again(double, sdk, receiver):
    receiver.statuses = [503]
    sdk.v1.customers.create({})
    double.advance(300)
    double.advance(30 * DAY_S)
    assert len(receiver.got) == 2


def test_endpoints_choose_events_and_sides(double: StripeDouble, sdk):
    with receiving() as ours, receiving() as connect, receiving() as chosen:
        double.endpoint(ours.url, connect=False)
        double.endpoint(connect.url, connect=True)
        double.endpoint(chosen.url, enabled_events=["customer.updated"])
        customer = sdk.v1.customers.create({}).id
        sdk.v1.customers.update(customer, {"name": "x"})
        account = sdk.v1.accounts.create({"type": "express"}).id
        sdk.v1.accounts.update(account, {"email": "p@example.com"})
        double.deliver()
        assert ours.types == ["customer.created", "customer.updated"]
        assert [(event["type"], event["account"]) for event in connect.events] == [
            ("account.updated", account)
        ]
        assert chosen.types == ["customer.updated"]
