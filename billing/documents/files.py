"""Documents as PDF files, rendered when they are asked for."""

import uuid

from billing.documents.paper import document_paper
from billing.documents.render import render_pdf
from billing.selectors.documents import document_get


def document_pdf(*, organisation_id: uuid.UUID, number: str) -> bytes:
    """Return one invoice or credit note of the organisation. Raises CuxError NOT_FOUND."""
    document = document_get(organisation_id=organisation_id, number=number)
    return render_pdf("document", document_paper(document), issued_at=document.issued_at)
