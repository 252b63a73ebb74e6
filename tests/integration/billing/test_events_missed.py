"""Events that nobody heard of when they came, or in an order that makes no sense: nothing is lost."""

import uuid
from datetime import datetime, timedelta

import pytest

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_organisation
from billing.models import Deposit, Dispute, Refund, StripeCursor, StripeEvent
from billing.selectors.balances import posted
from billing.services.event_process import event_process
from billing.services.events_reconcile import events_catch_up, events_reconcile
from core.clock import utc_now
from tests.integration.billing.card_world import USD, at_hand, intent, organisation, step
from tests.integration.billing.dispute_world import FEE, Drift
from tests.integration.billing.payout_world import AT_ONCE

LATER = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def drift(double) -> Drift:
    """Begin with no catch-up ever made; count by how much books and Stripe differ."""
    StripeCursor.objects.all().delete()
    return Drift(double)


def paid_unheard(double) -> tuple[uuid.UUID, Deposit, gateway.Payment]:
    """Have somebody pay 100 dollars on Stripe's page, and nobody tell us."""
    who = organisation()
    deposit = step(intent(who, 100))
    payment_id = gateway.checkout_get(double_pays(double, deposit)).payment_id
    assert payment_id is not None
    deposit.refresh_from_db()
    assert (deposit.state, deposit.payment_intent_id) == ("open", None)
    return who, deposit, gateway.payment_get(payment_id)


def double_pays(double, deposit: Deposit) -> str:
    """Pay on the deposit's page; return the page's id."""
    assert double.pay(deposit.checkout_url, AT_ONCE) is not None
    return str(deposit.checkout_session_id)


def at_stripe() -> list[str]:
    """Return the ids of all events that Stripe has, newest first."""
    return [event.id for event in gateway.events_list(since=utc_now() - timedelta(days=1))]


def heard(*kinds: str) -> None:
    """Hear of everything; have the events about these kinds of objects processed first, then the others."""
    events_catch_up(now=utc_now())
    rows = StripeEvent.objects.filter(event_id__in=at_stripe()).order_by("received_at")
    for row in sorted(rows, key=lambda row: row.object_kind not in kinds):
        assert event_process(event_id=row.id, now=utc_now() + LATER)


@pytest.mark.parametrize("first", ["dispute", "payment_intent"])
def test_a_dispute_may_be_heard_of_before_its_payment(double, drift, first):
    who, deposit, payment = paid_unheard(double)
    assert payment.charge is not None
    double.control(f"charges/{payment.charge.id}/dispute")
    heard(first)
    deposit.refresh_from_db()
    dispute = Dispute.objects.get(organisation_id=who)
    assert (deposit.state, dispute.state, dispute.withdrawn_nano_usd) == ("succeeded", "open", 100 * USD)
    assert posted(of_organisation(Kind.DISPUTE_DEBT, who)) == -(100 * USD + FEE)
    assert at_hand(who) == 100 * USD
    assert drift() == 0


@pytest.mark.parametrize("first", ["refund", "charge", "payment_intent"])
def test_a_refund_made_at_stripe_may_be_heard_of_before_its_payment(double, drift, first):
    who, deposit, payment = paid_unheard(double)
    gateway.refund_create(key=str(uuid.uuid4()), payment_id=payment.id, amount_cents=4_000, metadata={})
    heard(first)
    deposit.refresh_from_db()
    refund = Refund.objects.get(organisation_id=who)
    assert (deposit.state, refund.state, refund.amount_nano_usd) == ("succeeded", "succeeded", 40 * USD)
    assert posted(of_organisation(Kind.DISPUTE_DEBT, who)) == -40 * USD
    assert drift() == 0


def test_what_was_missed_is_found_though_something_newer_arrived(double):
    paid_unheard(double)
    events_catch_up(now=utc_now())
    who, deposit, _ = paid_unheard(double)
    missed = at_stripe()
    later = utc_now() + timedelta(hours=5)
    _arrives(later)
    events_catch_up(now=later + LATER)
    assert StripeEvent.objects.filter(event_id__in=missed).count() == len(missed)
    events_reconcile(now=later + LATER)
    deposit.refresh_from_db()
    assert (deposit.state, at_hand(who)) == ("succeeded", 100 * USD)


def test_only_a_catch_up_that_came_to_its_end_moves_the_cursor(double, monkeypatch):
    who, _, payment = paid_unheard(double)
    events_catch_up(now=utc_now())
    (cursor,) = StripeCursor.objects.all()
    assert cursor.at == StripeEvent.objects.get(event_id=at_stripe()[0]).created_at
    double.advance(7_200)
    later = utc_now() + timedelta(hours=3)
    gateway.refund_create(key=str(uuid.uuid4()), payment_id=payment.id, amount_cents=4_000, metadata={})
    _arrives(later)
    whole = gateway.events_list

    def broken(**given):
        yield next(whole(**given))
        raise gateway.Unavailable(is_kept=False)

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "events_list", broken)
        with pytest.raises(gateway.Unavailable):
            events_catch_up(now=later)
    assert StripeCursor.objects.get().at == cursor.at
    assert events_catch_up(now=later) > 0
    assert StripeCursor.objects.get().at > cursor.at
    noted = StripeEvent.objects.filter(event_id__in=at_stripe()).order_by("received_at")
    times = list(noted.values_list("created_at", flat=True))
    assert times == sorted(times)
    events_reconcile(now=later + LATER)
    assert Refund.objects.get(organisation_id=who).amount_nano_usd == 40 * USD


def _arrives(at: datetime) -> None:
    """Have an event of that time arrive by itself."""
    StripeEvent.objects.create(
        event_id=f"evt_{uuid.uuid4().hex}", type="thing.updated", object_kind="thing", created_at=at
    )
