"""What chance seldom brings about, brought about: books and Stripe agree then too."""

from contextlib import suppress
from unittest import mock

import pytest

from billing import stripe_gateway as gateway
from billing.models import Payout
from billing.services.deposits_reconcile import deposits_reconcile
from core.money import NANO_PER_USD
from tests.chaos import earning, paying
from tests.chaos.agreement import differences, drain
from tests.chaos.scene import Scene, scene
from tests.integration.billing import payout_world
from tests.integration.billing.card_world import organisation, saved_card
from tests.stripe import StripeDouble

LOST = {"error_after": 60, "timeout_after": 3_700}
"""When it is looked at again: a 500 is kept under its key; after an hour nobody is charged any more."""


def charged_and_not_told(double: StripeDouble, fault: str) -> Scene:
    """Have somebody pay with a saved card, and the answer be lost, and the event too; then let all end."""
    playing = scene(1, double)
    who = organisation()
    saved_card(double, who)
    playing.payers = [who, who]
    double.chaos(webhook_drop=100)
    double.fault("POST /v1/payment_intents", fault)
    with pytest.raises(gateway.Unavailable):
        paying.pay_by_saved_card(playing)
    playing.advance(LOST[fault])
    deposits_reconcile(now=playing.now())
    drain(playing)
    return playing


@pytest.mark.parametrize("fault", LOST)
def test_a_saved_card_is_charged_once_though_the_answer_was_lost(double: StripeDouble, fault: str) -> None:
    assert differences(charged_and_not_told(double, fault)) == []


def test_who_does_not_look_before_charging_again_is_found(double: StripeDouble) -> None:
    with mock.patch("billing.stripe_gateway.payments_of_customer", return_value=[]):
        found = differences(charged_and_not_told(double, "error_after"))
    assert any("drift: Stripe has" in line for line in found)
    assert any(line.startswith("2 for deposit_id") for line in found)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_transfer_taken_back_after_the_bank_was_paid(double: StripeDouble, arrives: bool) -> None:
    playing = scene(1, double)
    playing.top_up(100_000)
    who = payout_world.provider(double)
    playing.providers = [who, who]
    payout_world.give(who, 30 * NANO_PER_USD)
    with suppress(gateway.Unavailable):
        earning.ask_for_payout(playing)
    if arrives:
        drain(playing)
    earning.transfer_taken_back(playing)
    drain(playing)
    assert differences(playing) == []
    assert Payout.objects.get(payee__organisation_id=who).state == "reversed"
