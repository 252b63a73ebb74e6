"""Card money through the real sequencer: into the wallet, out of it again, and back to the card."""

import uuid
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.db.models import Q
from django.test import override_settings

from billing.ledger.chart import Kind, of_organisation
from billing.models import Refund
from billing.selectors.balances import available
from billing.services.refund_create import refund_create
from billing.services.refund_step import refund_step
from config.tasks import HANDLERS
from core.clock import utc_now
from core.models import OutboxMessage
from tests.integration.billing.card_world import CENT, USD, at_hand, organisation, paid
from tests.sequencer_market import make_market
from tests.stripe import StripeDouble, running_double


@pytest.fixture
def double(exchange: object) -> Iterator[StripeDouble]:
    """Run a double beside the sequencer."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        yield double


def drain(who: uuid.UUID) -> None:
    """Hand out what waits for this organisation, and what follows from it."""
    refunds = [str(row) for row in Refund.objects.filter(organisation_id=who).values_list("id", flat=True)]
    own = Q(payload__organisation_id=str(who)) | Q(payload__refund_id__in=refunds)
    while message := OutboxMessage.objects.filter(own, sent_at=None).order_by("id").first():
        with transaction.atomic():
            HANDLERS[message.topic](message.payload)
            OutboxMessage.objects.filter(id=message.id).update(sent_at=utc_now())


def test_a_deposit_reaches_the_wallet_and_a_refund_leaves_it(double):
    who = organisation()
    wallet = of_organisation(Kind.WALLET, who)
    paid(double, who, 100)
    drain(who)
    assert available(wallet) == 100 * USD
    (refund,) = refund_create(organisation_id=who, amount_nano_usd=30 * USD, now=utc_now())
    drain(who)
    refund.refresh_from_db()
    assert (refund.state, available(wallet)) == ("held", 70 * USD)
    assert refund_step(refund_id=refund.id, now=utc_now())
    refund.refresh_from_db()
    assert (refund.state, at_hand(who)) == ("succeeded", 70 * USD)
    assert refund.card_nano_usd == 30 * USD - 96 * CENT


def test_money_that_an_order_holds_meanwhile_stays(double):
    market = make_market()
    who = market.buyer.id
    paid(double, who, 100)
    drain(who)
    (refund,) = refund_create(organisation_id=who, amount_nano_usd=None, now=utc_now())
    assert refund.amount_nano_usd == 100 * USD
    assert market.buy(10_000, 9_000).status == 201
    drain(who)
    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == ("failed", "insufficient_balance")
    assert not Refund.objects.filter(organisation_id=who).exclude(state="failed").exists()
