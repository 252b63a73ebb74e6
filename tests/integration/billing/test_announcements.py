"""Webhooks are told of what became of payments: once, with what moved, and of nothing that did not happen."""

import dataclasses
import json
import uuid
from functools import partial
from unittest import mock

import pytest

from accounts.models import WebhookDelivery
from accounts.services.webhook_endpoints import webhook_endpoint_create
from billing.models import Deposit
from billing.services.dispute_apply import dispute_apply
from core.clock import utc_now
from core.ids import public_id
from core.retry import transact
from tests.integration.billing import dispute_world as disputes
from tests.integration.billing import refund_world as refunds
from tests.integration.billing.card_world import USD, events_arrive, intent, organisation, paid, saved_card
from tests.integration.billing.card_world import step as deposit_step
from tests.integration.billing.dispute_world import FEE, lost, opened, won
from tests.integration.billing.payout_world import FAILING_BANK, decide, give, payer, provider
from tests.integration.billing.payout_world import step as payout_step

Told = list[tuple[str, dict]]


def listen(who: uuid.UUID) -> uuid.UUID:
    """Have an organisation be told of everything."""
    webhook_endpoint_create(organisation_id=who, url="https://example.com/", types=[])
    return who


def told(who: uuid.UUID, about: str) -> Told:
    """Return type and data of what an organisation's webhook is to be told about a kind of thing."""
    rows = WebhookDelivery.objects.filter(endpoint__organisation_id=who, type__startswith=about)
    return [(row.type, json.loads(row.body)["data"]) for row in rows.order_by("id")]


def test_a_deposit_that_is_in_the_balance(double):
    who = listen(organisation())
    deposit = paid(double, who, 40)
    deposit_step(deposit)
    events_arrive()
    facts = {"state": "succeeded", "amount_nano_usd": 40 * USD, "failure_code": ""}
    assert told(who, "deposit") == [
        ("deposit.succeeded", {"deposit_id": public_id("deposit", deposit.id), **facts})
    ]
    assert [type for type, _ in told(who, "invoice")] == ["invoice.issued"]


def test_a_deposit_that_was_declined_and_one_that_nobody_paid(double):
    who = organisation()
    card = saved_card(double, who, "4000000000000341")
    listen(who)
    deposit_step(intent(who, card=card))
    deposit_step(intent(who))
    double.advance(3_600)
    for deposit in Deposit.objects.filter(organisation_id=who):
        deposit_step(deposit)
    assert [(type, data["state"], data["failure_code"]) for type, data in told(who, "deposit")] == [
        ("deposit.failed", "failed", "generic_decline"),
        ("deposit.failed", "expired", ""),
    ]


def test_a_deposit_whose_posting_is_undone_is_not_told_of(double):
    who = listen(organisation())
    deposit = deposit_step(intent(who))
    assert double.pay(deposit.checkout_url) is not None
    dying = mock.patch("billing.models.Deposit.save", side_effect=ZeroDivisionError)
    with dying, pytest.raises(ZeroDivisionError):
        deposit_step(deposit)
    assert told(who, "deposit") == []


def test_a_refund_that_went_to_the_card_and_was_sent_back(double):
    who = listen(refunds.funded(double, 100, card="4000000000005126"))
    (refund,) = refunds.ask(who)
    refunds.step(refunds.pull(refund))
    double.advance(10)
    for _ in range(2):
        events_arrive()
    assert [(type, data["state"], data["amount_nano_usd"]) for type, data in told(who, "refund")] == [
        ("refund.succeeded", "succeeded", 100 * USD),
        ("refund.failed", "returned", 100 * USD),
    ]


def test_a_refund_whose_money_was_spent(double):
    who = listen(refunds.funded(double, 100))
    (refund,) = refunds.ask(who)
    refunds.pull(refund, taken=False)
    ((type, data),) = told(who, "refund")
    assert (type, data["state"], data["failure_code"]) == ("refund.failed", "failed", "insufficient_balance")


@pytest.mark.parametrize(("bank", "end"), [("", "payout.paid"), (FAILING_BANK, "payout.failed")])
def test_a_payout_that_arrived_and_one_that_came_back(double, bank, end):
    double.control("top_up/platform", amount=100_000_00)
    who = listen(provider(double, **({"bank": bank} if bank else {})))
    give(who, 30 * USD)
    payout = payout_step(decide(who))
    assert told(who, "payout") == []
    double.advance(3 * 86_400)
    payout_step(payout)
    payout_step(payout)
    ((type, data),) = told(who, "payout")
    assert (type, data["payout_id"], data["amount_nano_usd"]) == (
        end,
        public_id("payout", payout.id),
        30 * USD,
    )


@pytest.mark.parametrize(("decide", "state", "back"), [(won, "won", 100), (lost, "lost", 0)])
def test_a_dispute_that_is_opened_and_decided(double, decide, state, back):
    who, deposit = payer(double, 100)
    listen(who)
    dispute = decide(double, opened(double, deposit))
    events_arrive()
    assert dispute.fee_nano_usd == FEE
    assert [
        (type, data["state"], data["withdrawn_nano_usd"], data["reinstated_nano_usd"])
        for type, data in told(who, "dispute")
    ] == [
        ("dispute.opened", "open", 100 * USD, 0),
        ("dispute.closed", state, 100 * USD, back * USD),
    ]


def test_an_inquiry_that_takes_nothing_is_not_told_of(double):
    who, deposit = payer(double, 100)
    listen(who)
    found = disputes.opened_elsewhere(double, deposit)
    asked = dataclasses.replace(found, status="warning_needs_response", movements=())
    for seen in (asked, dataclasses.replace(asked, status="warning_closed")):
        transact(partial(dispute_apply, deposit_id=deposit.id, found=seen, now=utc_now()))
    assert told(who, "dispute") == []
