"""Documents as their owner sees them."""

import re
import uuid
from typing import Final

from django.db.models import Prefetch, QuerySet

from billing.models import Document, DocumentLine
from core.clock import rfc3339
from core.errors import Code, CuxError
from core.money import format_usd
from cux.wire.documents import DocumentLineView, DocumentView

_NUMBER: Final = re.compile(r"([A-Z]{3}-\d{4})-(\d{6,12})\Z")


def document_get(*, organisation_id: uuid.UUID, number: str) -> Document:
    """Return one document of the organisation with its lines.

    Raises:
        CuxError: NOT_FOUND.
    """
    named = _NUMBER.match(number)
    rows = _documents(organisation_id)
    found = rows.filter(series=named[1], sequence=int(named[2])).first() if named else None
    if found is None:
        raise CuxError(Code.NOT_FOUND, "There is no such document of this account.")
    return found


def document_list(
    *, organisation_id: uuid.UUID, limit: int, before: uuid.UUID | None = None
) -> list[Document]:
    """Return the organisation's documents, newest first; `before` is the one that ended the page before."""
    rows = _documents(organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def document_view(row: Document) -> DocumentView:
    """Return a document as the API shows it."""
    return DocumentView(
        number=row.number,
        kind=row.kind,  # type: ignore[arg-type]
        reason=row.reason,  # type: ignore[arg-type]
        issued_at=rfc3339(row.issued_at),
        net_nano_usd=row.net_nano_usd,
        tax_nano_usd=row.tax_nano_usd,
        total_nano_usd=row.total_nano_usd,
        total_usd=format_usd(row.total_nano_usd).replace("$", "").replace(",", ""),
        tax_rate_ppm=row.tax_rate_ppm,
        tax_note=row.tax_note,
        payment=row.payment,
        entry_key=row.entry_id,
        corrects=row.corrects.number if row.corrects else None,
        lines=[
            DocumentLineView(
                description=line.description,
                detail=line.detail,
                card_hash=line.card_hash,
                amount_nano_usd=line.amount_nano_usd,
            )
            for line in row.lines.all()
        ],
    )


def _documents(organisation_id: uuid.UUID) -> QuerySet[Document]:
    lines = Prefetch("lines", DocumentLine.objects.order_by("position"))
    rows = Document.objects.filter(organisation_id=organisation_id)
    return rows.select_related("corrects").prefetch_related(lines)
