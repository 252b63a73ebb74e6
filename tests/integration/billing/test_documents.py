"""Invoices and credit notes: numbered without gaps, exact, never changed; and what their PDFs say."""

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connections, transaction
from pypdf import PdfReader

from accounts.models import Organisation
from billing.documents.files import document_pdf
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.models import Document
from billing.rules.tax import REVERSE_CHARGE, Tax
from billing.selectors.documents import document_get, document_list, document_view
from billing.services.billing_profile_set import billing_profile_set
from billing.services.document_issue import Line, document_issue, service_credit_issue
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT, NANO_PER_USD
from tests.builders import organisation
from tests.database import refused_by_database
from tests.integration.billing.books import CASH, entry, post, rows

pytestmark = pytest.mark.usefixtures("db")
NOW = datetime(2026, 11, 23, 10, 15, 1, tzinfo=UTC)
TAX = of_house(Kind.TAX)


def paid(buyer: Organisation, net: int, tax: int = 0) -> str:
    """Post what comes in, as a deposit does; return the entry's key."""
    legs = [(CASH, of_organisation(Kind.FUNDING, buyer.id), net), (CASH, TAX, tax)]
    posted = entry(*(leg for leg in legs if leg[2]))
    post(posted)
    return posted.key


@transaction.atomic
def issue(buyer: Organisation, net: int, tax: Tax | None = None, *, now: datetime = NOW, **more) -> Document:
    tax = tax or Tax(0, 0, "none")
    terms = {
        "kind": Document.Kind.INVOICE,
        "reason": Document.Reason.DEPOSIT,
        "entry_key": paid(buyer, net, tax.amount_nano_usd),
        "lines": [Line("Prepaid balance", net)],
    }
    return document_issue(organisation_id=buyer.id, tax=tax, now=now, **(terms | more))


def text_of(document: Document) -> str:
    rendered = document_pdf(organisation_id=document.organisation_id, number=document.number)
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(rendered)).pages)


def test_an_invoice_says_who_what_and_how_much_and_keeps_it() -> None:
    buyer = organisation("buyer")
    profile = {"organisation_id": buyer.id, "address_lines": ["Weg 1", "10115 Berlin"], "country": "DE"}
    more = {"vat_id": "DE 123456789", "email": "a@example.com", "now": NOW}
    billing_profile_set(legal_name="Beispiel & Söhne GmbH", **profile, **more)
    made = issue(buyer, 250 * NANO_PER_USD, Tax(0, 0, REVERSE_CHARGE), payment="Visa ending in 4242")
    billing_profile_set(legal_name="Another", **profile, **more)
    text = text_of(made)
    for said in (
        "Invoice",
        made.number,
        "23 November 2026",
        "Beispiel & Söhne GmbH",
        "10115 Berlin",
        "VAT id DE123456789",
        "CUX Exchange Ltd. (demo)",
        "Prepaid balance",
        "250.00",
        "$250.00",
        "Visa ending in 4242",
        "Reverse charge",
        "Page 1 of 1",
    ):
        assert said in text, said
    assert "Another" not in text


def test_totals_are_exact_to_the_nano_dollar_and_the_bytes_the_same_each_time() -> None:
    made = issue(organisation(), 100 * NANO_PER_CENT, Tax(190_000, 19 * NANO_PER_CENT, "USt. 19 % (DE)"))
    text = text_of(made)
    assert (made.net_nano_usd, made.tax_nano_usd, made.total_nano_usd) == (10**9, 19 * 10**7, 119 * 10**7)
    assert "USt. 19 % (DE)" in text
    assert "$0.19" in text
    assert "$1.19" in text
    files = {document_pdf(organisation_id=made.organisation_id, number=made.number) for _ in range(3)}
    assert len(files) == 1
    exact = issue(organisation(), 1_234_567)
    assert "$0.001234567" in text_of(exact)


@pytest.mark.parametrize(
    "name", ["#panic[x]", "*bold* $x$ @ref", "`code` \\ // /*", '"]}#read("/etc/passwd")']
)
def test_what_a_customer_typed_is_only_ever_text(name: str) -> None:
    buyer = Organisation.objects.create(name=name, slug=uuid.uuid4().hex)
    assert "".join(name.split()) in "".join(text_of(issue(buyer, 1)).split())


def test_a_long_document_goes_on_over_pages_with_its_header_again() -> None:
    lines = [Line(f"Line number {number}", NANO_PER_CENT, detail="x" * 300) for number in range(60)]
    buyer = organisation()
    made = issue(buyer, 60 * NANO_PER_CENT, lines=lines)
    pages = PdfReader(io.BytesIO(document_pdf(organisation_id=buyer.id, number=made.number))).pages
    assert len(pages) > 1
    assert all("AMOUNT (USD)" in page.extract_text().upper() for page in pages[:-1])
    text = "\n".join(page.extract_text() for page in pages)
    assert all(f"Line number {number}" in text for number in range(60))
    assert f"Page {len(pages)} of {len(pages)}" in text


def test_numbers_have_no_gap_whoever_fails_between_them() -> None:
    buyer, year = organisation(), datetime(2031, 1, 1, tzinfo=UTC)
    first = issue(buyer, 1, now=year)
    with pytest.raises(IntegrityError):
        issue(buyer, 1, now=year, entry_key=first.entry_id)
    with pytest.raises(IntegrityError):
        issue(buyer, 1, now=year, entry_key="no such entry")
    assert first.number == "INV-2031-000001"
    assert issue(buyer, 1, now=year).number == "INV-2031-000002"
    credit = issue(buyer, 1, now=year, kind=Document.Kind.CREDIT_NOTE)
    assert credit.number == "CRN-2031-000001"


def test_numbers_have_no_gap_and_no_double_with_sixteen_at_once() -> None:
    year = datetime(2032, 1, 1, tzinfo=UTC)
    buyers = [organisation() for _ in range(16)]

    def one(buyer: Organisation) -> int:
        try:
            return issue(buyer, 1, now=year).sequence
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        assert sorted(threads.map(one, buyers)) == list(range(1, 17))


def test_a_line_that_breaks_the_sum_is_refused_at_commit() -> None:
    made = issue(organisation(), 6)
    before = rows("SELECT * FROM billing_documentline WHERE document_id = %s", made.id)
    columns = "document_id, position, description, detail, card_hash, amount_nano_usd"
    sql = f"INSERT INTO billing_documentline ({columns}) VALUES (%s, 2, 'more', '', '', %s)"
    for amount, code in ((1, "CX005"), (-1, "CX005"), (0, "23514")):
        assert refused_by_database("default", sql, made.id, amount) == code
    assert rows("SELECT * FROM billing_documentline WHERE document_id = %s", made.id) == before


COLUMNS = (
    "id, kind, reason, series, sequence, organisation_id, entry_key, issued_at, tax_rate_ppm, tax_note,"
    " payment, buyer, seller, net_nano_usd, tax_nano_usd, total_nano_usd"
)
BY_HAND = (
    f"INSERT INTO billing_document ({COLUMNS}) VALUES (uuidv7(), 'invoice', 'deposit', 'XXX-2026', 1, %s, %s,"
    " now(), 0, '', '', '{}', '{}', %s, %s, %s)"
)


def test_a_document_without_lines_is_refused_at_commit() -> None:
    buyer = organisation()
    assert refused_by_database("default", BY_HAND, buyer.id, paid(buyer, 6), 6, 0, 6) == "CX005"


@pytest.mark.parametrize("table", ["document", "documentline"])
@pytest.mark.parametrize("change", ["UPDATE billing_{0} SET id = id", "DELETE FROM billing_{0}"])
def test_documents_stay_as_they_were_issued(table: str, change: str) -> None:
    issue(organisation(), 1)
    before = rows(f"SELECT * FROM billing_{table} ORDER BY id")
    assert refused_by_database("default", change.format(table)) == "42501"
    assert refused_by_database("owner", change.format(table)) == "CX004"
    assert rows(f"SELECT * FROM billing_{table} ORDER BY id") == before


@pytest.mark.parametrize(
    "change", ["last = last + 2", "last = last - 1", "last = last", "series = 'ABC-2026'"]
)
def test_a_series_only_counts_on_by_one(change: str) -> None:
    issue(organisation(), 1)
    assert refused_by_database("owner", f"UPDATE billing_documentcounter SET {change}") == "CX004"
    assert refused_by_database("owner", "DELETE FROM billing_documentcounter") == "CX004"
    begun = "INSERT INTO billing_documentcounter VALUES ('NEW-2026', 2)"
    assert refused_by_database("default", begun) == "CX004"


@pytest.mark.parametrize(
    ("net", "tax", "total"), [(6, 1, 6), (0, 0, 0), (6, -1, 5)], ids=["sum", "nothing", "negative"]
)
def test_a_total_is_net_and_tax_whoever_writes_it(net: int, tax: int, total: int) -> None:
    buyer = organisation()
    refusal = refused_by_database("default", BY_HAND, buyer.id, paid(buyer, 6), net, tax, total)
    assert refusal == "23514"


def test_a_service_credit_returns_to_the_balance_without_tax() -> None:
    buyer = organisation()
    returned = entry((of_house(Kind.FEE_INCOME), of_organisation(Kind.FUNDING, buyer.id), 70))
    post(returned)
    with transaction.atomic():
        made = service_credit_issue(
            organisation_id=buyer.id,
            entry_key=returned.key,
            reason=Document.Reason.UNDELIVERED,
            line=Line("Compute that was not delivered", 70, card_hash="ab" * 32),
            now=NOW,
        )
    text = text_of(made)
    assert "Credit note" in text
    assert "ab" * 32 in text.replace("\n", "")
    assert "tax was paid already" in text


def test_documents_are_listed_newest_first_and_are_ones_own() -> None:
    buyer = organisation()
    numbers = [issue(buyer, 1).number for _ in range(3)]
    listed = document_list(organisation_id=buyer.id, limit=2)
    assert [row.number for row in listed] == numbers[:0:-1]
    (last,) = document_list(organisation_id=buyer.id, limit=2, before=listed[-1].id)
    assert document_view(last).number == numbers[0]
    for number in (numbers[0], "INV-2026-1", "nonsense"):
        with pytest.raises(CuxError) as refusal:
            document_get(organisation_id=organisation().id, number=number)
        assert refusal.value.code is Code.NOT_FOUND
