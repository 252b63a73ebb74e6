"""Invoices and credit notes of the organisation, as data and as PDF. The key's scope `read` is needed."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, caller
from api.openapi import page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import bad_cursor, cursor_of, limit_of, page, refuse_unknown
from billing.documents.files import document_pdf
from billing.selectors.documents import document_get, document_list, document_view
from core.errors import CuxError
from cux.wire.documents import DocumentView


@extend_schema(
    operation_id="invoices_list",
    tags=["billing"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(DocumentView)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def invoices(request: Request) -> Response:
    """List invoices and credit notes, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit, cursor = limit_of(request), cursor_of(request)
    organisation_id = caller(request).organisation_id
    before = None
    if cursor is not None:
        try:
            before = document_get(organisation_id=organisation_id, number=cursor).id
        except CuxError as unknown:
            raise bad_cursor() from unknown
    rows = document_list(organisation_id=organisation_id, limit=limit + 1, before=before)
    return Response(page([document_view(row) for row in rows], limit, "number"))


@extend_schema(operation_id="invoice_get", tags=["billing"], responses={200: ref(DocumentView)})
@api_view(["GET"])
@permission_classes([CanRead])
def invoice(request: Request, number: str) -> Response:
    """Show one invoice or credit note."""
    refuse_unknown(request)
    return Response(
        document_view(document_get(organisation_id=caller(request).organisation_id, number=number))
    )


@extend_schema(operation_id="invoice_pdf", tags=["billing"], responses={(200, "application/pdf"): bytes})
@api_view(["GET"])
@permission_classes([CanRead])
def invoice_pdf(request: Request, number: str) -> HttpResponse:
    """Give out one invoice or credit note as PDF; the same one has the same bytes every time."""
    refuse_unknown(request)
    rendered = document_pdf(organisation_id=caller(request).organisation_id, number=number)
    return pdf_response(rendered, number)


def pdf_response(rendered: bytes, name: str) -> HttpResponse:
    """Return a PDF as a file of this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return HttpResponse(rendered, content_type="application/pdf", headers=headers)
