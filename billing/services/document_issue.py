"""Issue a tax document in the transaction that posts what it is about."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection

from accounts.models import Organisation
from accounts.services.webhook_emit import webhook_emit
from billing.models import BillingProfile, Document, DocumentLine
from billing.rules.tax import Tax

Reason = Document.Reason
_SERIES: Final = {Document.Kind.INVOICE: "INV", Document.Kind.CREDIT_NOTE: "CRN"}
NO_TAX_ON_CREDIT: Final = "No tax: the amount returns to the prepaid balance, on which tax was paid already."
NO_TAX_ON_GOODWILL: Final = "No tax: a goodwill credit is given freely, and is the price of nothing."
_NEXT: Final = """
    INSERT INTO billing_documentcounter AS kept (series, last) VALUES (%s, 1)
    ON CONFLICT (series) DO UPDATE SET last = kept.last + 1 RETURNING last
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document to issue."""

    description: str
    amount_nano_usd: int
    detail: str = ""
    card_hash: str = ""


def document_issue(
    *,
    kind: Document.Kind,
    reason: Reason,
    organisation_id: uuid.UUID,
    entry_key: str,
    lines: Sequence[Line],
    tax: Tax,
    now: datetime,
    buyer: dict[str, Any] | None = None,
    payment: str = "",
    corrects: Document | None = None,
) -> Document:
    """This function will issue a document about a ledger entry, under the next number of its series.

    In the caller's transaction, as late in it as may be: the series stays locked until it ends, so that a
    number is given out if, and only if, its document is. `buyer` is whom it is made out to, if not whom the
    organisation's billing profile names now. Lines of nothing are left out.

    Raises:
        IntegrityError: the entry has a document, or there is no such entry.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [series := f"{_SERIES[kind]}-{now.year}"])
        sequence = cursor.fetchone()[0]
    net = sum(line.amount_nano_usd for line in lines)
    document = Document.objects.create(
        kind=kind,
        reason=reason,
        series=series,
        sequence=sequence,
        organisation_id=organisation_id,
        entry_id=entry_key,
        corrects=corrects,
        issued_at=now,
        net_nano_usd=net,
        tax_nano_usd=tax.amount_nano_usd,
        total_nano_usd=net + tax.amount_nano_usd,
        tax_rate_ppm=tax.rate_ppm,
        tax_note=tax.note,
        payment=payment,
        buyer=buyer if buyer is not None else buyer_of(organisation_id),
        seller=settings.SELLER,
    )
    DocumentLine.objects.bulk_create(
        DocumentLine(
            document=document,
            position=position,
            description=line.description,
            detail=line.detail,
            card_hash=line.card_hash,
            amount_nano_usd=line.amount_nano_usd,
        )
        for position, line in enumerate((line for line in lines if line.amount_nano_usd), start=1)
    )
    webhook_emit(
        organisation_id=organisation_id,
        type="invoice.issued",
        event_id=f"invoice.issued:{document.number}",
        data={"number": document.number, "kind": str(kind), "total_nano_usd": document.total_nano_usd},
        now=now,
    )
    return document


def service_credit_issue(
    *, organisation_id: uuid.UUID, entry_key: str, reason: Reason, line: Line, now: datetime
) -> Document:
    """This function will issue the credit note for what the house put on an organisation's balance."""
    why = NO_TAX_ON_GOODWILL if reason is Reason.GOODWILL else NO_TAX_ON_CREDIT
    return document_issue(
        kind=Document.Kind.CREDIT_NOTE,
        reason=reason,
        organisation_id=organisation_id,
        entry_key=entry_key,
        lines=[line],
        tax=Tax(0, 0, why),
        now=now,
    )


def buyer_of(organisation_id: uuid.UUID) -> dict[str, Any]:
    """Return whom an organisation's documents are made out to now; only its name before a profile was set."""
    profile = BillingProfile.objects.filter(organisation_id=organisation_id).first()
    if profile is None:
        name = Organisation.objects.values_list("name", flat=True).get(id=organisation_id)
        return {"legal_name": name, "address_lines": [], "country": "", "vat_id": "", "email": ""}
    fields = ("legal_name", "address_lines", "country", "vat_id", "email")
    return {name: getattr(profile, name) for name in fields}
