"""What is paid in by card has an invoice, what goes back a credit note: exact, one each, told to webhooks."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import WebhookDelivery
from accounts.services.webhook_endpoints import webhook_endpoint_create
from billing.documents.files import document_pdf
from billing.documents.paper import document_paper
from billing.ledger.chart import Kind
from billing.models import Document
from billing.selectors.document_invariants import INVARIANTS
from billing.services.billing_profile_set import billing_profile_set
from billing.services.deposit_step import deposit_step
from billing.tasks import OUTBOX_HANDLERS
from core.clock import utc_now
from core.money import format_usd
from tests.integration.billing.card_world import CENT, USD, events_arrive, intent, organisation, paid
from tests.integration.billing.card_world import step as deposit_taken_on
from tests.integration.billing.refund_world import answered, ask, move, pull, step
from tests.integration.billing.test_documents import text_of

pytestmark = pytest.mark.usefixtures("double")


def profile(who, country: str, vat_id: str = "", name: str = "Beispiel GmbH") -> None:
    billing_profile_set(
        organisation_id=who,
        legal_name=name,
        address_lines=["Weg 1", "Berlin"],
        country=country,
        vat_id=vat_id,
        email="a@example.com",
        now=utc_now(),
    )


def documents(who) -> list[Document]:
    return list(Document.objects.filter(organisation_id=who).order_by("id"))


def broken(name: str) -> int:
    rule = next(rule for rule in INVARIANTS if rule.name == name)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({rule.broken_sql}) broken")
        return cursor.fetchone()[0]


def test_a_deposit_has_one_invoice_with_its_tax_and_card(double) -> None:
    who = organisation()
    profile(who, "DE")
    deposit = paid(double, who, 100)
    for _ in range(3):
        events_arrive()
        deposit_step(deposit_id=deposit.id, now=utc_now() + timedelta(hours=1))
    (invoice,) = documents(who)
    assert (invoice.net_nano_usd, invoice.tax_nano_usd, invoice.total_nano_usd) == (
        100 * USD,
        19 * USD,
        119 * USD,
    )
    assert (invoice.tax_rate_ppm, invoice.entry_id) == (190_000, f"deposit:{deposit.payment_intent_id}")
    text = text_of(invoice)
    for said in (
        "Invoice",
        "Beispiel GmbH",
        "Germany",
        "Ireland",
        "VAT: USt. 19 % (DE)",
        "$119.00",
        "Visa ending in 4242",
    ):
        assert said in text, said


def test_an_invoice_is_made_out_to_whom_the_amount_was_agreed_with(double) -> None:
    who = organisation()
    profile(who, "DE")
    deposit = deposit_taken_on(intent(who, 100))
    profile(who, "DE", "DE123456789", name="Another")  # a business by now: it would owe no tax
    double.pay(deposit.checkout_url)
    deposit_taken_on(deposit)
    (invoice,) = documents(who)
    assert (invoice.tax_nano_usd, invoice.buyer["legal_name"]) == (19 * USD, "Beispiel GmbH")


def test_a_refund_has_a_credit_note_that_corrects_the_invoice(double) -> None:
    who = organisation()
    profile(who, "DE")
    paid(double, who, 100)
    move(who, Kind.TRANSIT, Kind.WALLET, 100 * USD)
    answered("wallet.fund", who)
    (refund,) = ask(who, 40 * USD)
    assert step(pull(refund)).state == "succeeded"
    invoice, note = documents(who)
    assert (note.kind, note.corrects_id, note.entry_id) == ("credit_note", invoice.id, f"refund:{refund.id}")
    assert (note.total_nano_usd, note.tax_nano_usd) == (refund.card_nano_usd, refund.tax_nano_usd)
    assert note.tax_nano_usd == 7_60 * CENT
    assert [line.amount_nano_usd for line in note.lines.order_by("position")] == [
        40 * USD,
        -refund.fee_nano_usd,
    ]
    text = text_of(note)
    assert "Credit note" in text
    assert invoice.number in text
    fee, card = refund.fee_nano_usd, refund.card_nano_usd
    assert fee > 0
    assert document_paper(note)["totals"] == [
        ["Net", "$40.00"],
        ["VAT: USt. 19 % (DE)", "$7.60"],
        ["Gross", "$47.60"],
        ["Card fee kept by the card company, not refunded", f"−{format_usd(fee)}"],
        ["Refunded to the card", format_usd(card)],
    ]
    assert document_paper(note)["lines"][0]["amount"] == "40.00"
    assert len(document_paper(note)["lines"]) == 1
    assert 47_60 * CENT - fee == card
    for rule in ("document_is_its_entry", "deposit_has_its_invoice", "refund_has_its_credit_note"):
        assert broken(rule) == 0


def test_a_webhook_hears_of_documents_and_budgets(double) -> None:
    who = organisation()
    webhook_endpoint_create(
        organisation_id=who, url="https://example.com/hook", types=["invoice.issued", "budget.alert"]
    )
    paid(double, who, 100)
    alert = {
        "budget_id": "bud_1",
        "organisation_id": str(who),
        "key_id": None,
        "window": "day",
        "starts_at": "2026-11-23T00:00:00.000000Z",
        "percent": 80,
        "limit_nano_usd": 10,
        "spent_nano_usd": 8,
    }
    for _ in range(2):
        OUTBOX_HANDLERS["alert.budget"](alert)
    told = WebhookDelivery.objects.filter(endpoint__organisation_id=who).order_by("id")
    assert sorted(told.values_list("type", flat=True)) == ["budget.alert", "invoice.issued"]
    (invoice,) = documents(who)
    assert told.filter(event_id=f"invoice.issued:{invoice.number}").count() == 1
    assert document_pdf(organisation_id=who, number=invoice.number).startswith(b"%PDF-")
