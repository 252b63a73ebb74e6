"""Each guard of the rows of card money, by its name: what it refuses goes nowhere, whoever writes it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, transaction

from billing.models import CardPassing, Customer, Deposit, Refund, StripeEvent
from core.clock import utc_now
from tests.integration.billing.card_world import CENT, USD, intent, organisation, paid
from tests.integration.billing.refund_world import ask, funded
from tests.integration.billing.test_stripe_inbox import noted

pytestmark = pytest.mark.usefixtures("double")
ONE = {"amount_nano_usd": 5 * USD, "method": "checkout"}


@pytest.mark.parametrize(
    ("fields", "guard"),
    [
        ({"method": "cash"}, "deposit_known_state"),
        ({"state": "gone"}, "deposit_known_state"),
        ({"amount_nano_usd": 0}, "deposit_amounts_positive"),
        ({"tax_nano_usd": -CENT}, "deposit_amounts_positive"),
        ({"stripe_fee_nano_usd": -CENT}, "deposit_amounts_positive"),
        ({"disputed_nano_usd": -1}, "deposit_amounts_positive"),
        ({"amount_nano_usd": 5 * USD + 1}, "deposit_amount_nano_usd_in_cents"),
        ({"tax_nano_usd": 1}, "deposit_tax_nano_usd_in_cents"),
        ({"stripe_fee_nano_usd": 1}, "deposit_stripe_fee_nano_usd_in_cents"),
        ({"disputed_nano_usd": 5 * USD + 1}, "deposit_not_returned_beyond_amount"),
        ({"state": "succeeded", "payment_intent_id": "pi_1"}, "deposit_succeeded_is_posted"),
        ({"refunded_nano_usd": CENT}, "deposit_succeeded_is_posted"),
    ],
)
def test_no_such_deposit(fields: dict[str, Any], guard: str) -> None:
    who = organisation()
    with pytest.raises(IntegrityError, match=guard), transaction.atomic():
        Deposit.objects.create(organisation_id=who, **(ONE | fields))
    assert not Deposit.objects.filter(organisation_id=who).exists()


@pytest.mark.parametrize(
    ("field", "guard"),
    [
        ("checkout_session_id", "deposit_checkout_once"),
        ("payment_intent_id", "deposit_payment_once"),
        ("charge_id", "deposit_charge_once"),
    ],
)
def test_what_stripe_has_is_of_one_deposit(field: str, guard: str) -> None:
    thing, who = f"x_{uuid.uuid4().hex}", organisation()
    Deposit.objects.create(organisation_id=who, **ONE, **{field: thing}, next_step_at=utc_now())
    with pytest.raises(IntegrityError, match=guard), transaction.atomic():
        Deposit.objects.create(organisation_id=who, **ONE, **{field: thing})
    Deposit.objects.filter(organisation_id=who).update(state="expired")


def test_one_entry_is_of_one_deposit(double) -> None:
    posted = paid(double, organisation(), 20)
    facts = {"state": "succeeded", "payment_intent_id": f"pi_{uuid.uuid4().hex}", "entry": posted.entry}
    with pytest.raises(IntegrityError, match="entry_id"), transaction.atomic():
        Deposit.objects.create(organisation_id=posted.organisation_id, **ONE, **facts)


@pytest.mark.parametrize(
    ("fields", "guard"),
    [
        ({"state": "gone"}, "refund_known_state"),
        ({"origin": "else"}, "refund_known_state"),
        ({"amount_nano_usd": 0, "card_nano_usd": 0}, "refund_amounts_positive"),
        ({"fee_nano_usd": -CENT, "card_nano_usd": 5 * USD + CENT}, "refund_amounts_positive"),
        ({"card_nano_usd": 4 * USD}, "refund_adds_up"),
        ({"amount_nano_usd": 5 * USD + 1, "card_nano_usd": 5 * USD + 1}, "refund_whole_cents"),
        ({"state": "succeeded", "stripe_refund_id": "re_1"}, "refund_succeeded_is_posted"),
        ({"state": "returned", "stripe_refund_id": "re_1"}, "refund_(succeeded|returned)_is_posted"),
    ],
)
def test_no_such_refund(double, fields: dict[str, Any], guard: str) -> None:
    deposit = paid(double, organisation(), 20)
    facts = {"amount_nano_usd": 5 * USD, "fee_nano_usd": 0, "tax_nano_usd": 0, "card_nano_usd": 5 * USD}
    with pytest.raises(IntegrityError, match=guard), transaction.atomic():
        Refund.objects.create(
            organisation_id=deposit.organisation_id,
            deposit=deposit,
            request_id=uuid.uuid4(),
            **(facts | fields),
        )
    assert not Refund.objects.filter(deposit=deposit).exists()


def test_what_stripe_refunded_is_of_one_refund(double) -> None:
    first, second = ask(funded(double, 20)), ask(funded(double, 20))
    thing = f"re_{uuid.uuid4().hex}"
    Refund.objects.filter(id=first[0].id).update(stripe_refund_id=thing)
    with pytest.raises(IntegrityError, match="refund_stripe_once"), transaction.atomic():
        Refund.objects.filter(id=second[0].id).update(stripe_refund_id=thing)


def test_a_customer_of_stripes_is_of_one_organisation(double) -> None:
    thing = f"cus_{uuid.uuid4().hex}"
    Customer.objects.create(organisation_id=organisation(), stripe_id=thing)
    for stripe_id, guard in ((thing, "customer_stripe_once"), ("", "customer_stripe_named")):
        with pytest.raises(IntegrityError, match=guard), transaction.atomic():
            Customer.objects.create(organisation_id=organisation(), stripe_id=stripe_id)


def test_an_event_is_done_once_and_stays_what_it_was(double) -> None:
    rows = StripeEvent.objects.filter(id=noted().id)
    with pytest.raises(Error, match="processed once"), transaction.atomic():
        rows.update(object_id="another")
    with pytest.raises(Error, match="processed once"), transaction.atomic():
        rows.update(processed_at=utc_now(), received_at=utc_now() - timedelta(days=31))
    rows.update(processed_at=utc_now())
    with pytest.raises(Error, match="processed once"), transaction.atomic():
        rows.update(processed_at=None)
    with pytest.raises(Error, match="its rows stay"), transaction.atomic():
        rows.delete()


def test_rows_of_unknown_organisations_are_refused(double) -> None:
    with pytest.raises(IntegrityError, match="organisation"), transaction.atomic():
        Deposit.objects.create(organisation_id=uuid.uuid4(), **ONE)


def test_what_was_sold_on_stays_as_it_was_noted() -> None:
    with transaction.atomic():
        row = CardPassing.objects.create(
            payer_id=organisation(), receiver_id=organisation(), amount_nano_usd=USD
        )
        with pytest.raises(Error, match="its rows stay"), transaction.atomic():
            CardPassing.objects.filter(id=row.id).update(amount_nano_usd=1)
        row.refresh_from_db()
        assert row.amount_nano_usd == USD
        transaction.set_rollback(True)


@pytest.mark.parametrize("table", ["deposit", "refund", "stripeevent"])
def test_a_table_is_not_emptied(double, table: str) -> None:
    intent(organisation())
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE billing_{table} CASCADE")
