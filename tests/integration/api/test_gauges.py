"""What `/metrics` says is what the rows say; it reads every few seconds, however often it is asked."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from prometheus_client.parser import text_string_to_metric_families

from api import metrics
from billing.ledger.chart import Kind
from billing.models import Payee, Payout, Reconciliation, StripeEvent
from core.clock import utc_now
from core.ids import earliest_id, new_id
from core.money import NANO_PER_USD as USD
from core.outbox import outbox_add
from tests import builders
from tests.integration.billing.books import funded, hold, post
from tests.integration.billing.payout_world import account, move

pytestmark = pytest.mark.usefixtures("db")


def read() -> dict[tuple[str, ...], float]:
    """Return every gauge as it is now: (name, label value) and figure."""
    state = metrics._State()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in state.collect()
        for sample in family.samples
    }


def change(before: dict, after: dict, *key: str) -> float:
    return after.get(key, 0) - before.get(key, 0)


def test_figures_follow_the_rows():
    before = read()
    who = builders.organisation().id
    payee = Payee.objects.create(organisation_id=who, country="US")
    Payout.objects.create(payee=payee, state="blocked", amount_nano_usd=USD, block_reason="same_card")
    post(placements=[hold(funded(10), 5, None)])
    move((account(Kind.DISPUTE_DEBT, who), account(Kind.EXTERNAL_CASH), 3 * USD))
    with transaction.atomic():
        outbox_add(topic="test.gauges", payload={})
    StripeEvent.objects.create(
        event_id=uuid.uuid4().hex, type="t", object_kind="nothing", created_at=utc_now()
    )
    Reconciliation.objects.create(
        read_at=utc_now() + timedelta(seconds=1),
        stripe_nano_usd=0,
        ledger_nano_usd=0,
        waiting_nano_usd=0,
        movements=0,
        breaks=["one", "two"],
    )
    try:
        after = read()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE core_outboxmessage SET sent_at = now() WHERE topic = 'test.gauges'")
        StripeEvent.objects.filter(type="t").update(processed_at=utc_now())
    assert change(before, after, "cux_payouts", "blocked") == 1
    assert change(before, after, "cux_holds_open", "test") == 1
    assert change(before, after, "cux_dispute_debt_nano_usd") == 3 * USD
    assert change(before, after, "cux_stripe_events_unprocessed") == 1
    assert (after["cux_outbox_unsent", "test.gauges"], after["cux_outbox_attempts", "test.gauges"]) == (1, 0)
    assert after["cux_reconciliation_breaks",] == 2
    assert 0 <= after["cux_outbox_lag_seconds", "test.gauges"] < 60
    assert after["cux_ledger_unsealed_seconds",] >= 0


def test_every_gauge_is_shown_and_read_once_for_many(django_assert_num_queries):
    state = metrics._State()
    with django_assert_num_queries(len(metrics.GAUGES)):
        for _ in range(3):
            names = {family.name for family in state.collect()}
    assert names == {gauge.name for gauge in metrics.GAUGES}
    shown = metrics.render_metrics().decode()
    assert names <= {family.name for family in text_string_to_metric_families(shown)}


def test_ids_made_from_a_moment_on_are_not_below_its_earliest():
    at_ms = int(utc_now().timestamp() * 1000) - 1_000
    assert earliest_id(at_ms) < new_id() < earliest_id(at_ms + 60_000)
