"""The organisation's months, as data and as PDF. The key's scope `read` is needed."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, caller
from api.openapi import ref
from api.v1.invoices import pdf_response
from api.v1.pages import refuse_unknown
from billing.documents.statement import statement_pdf, statement_view
from core.clock import utc_now
from cux.wire.documents import StatementView


@extend_schema(operation_id="statement_get", tags=["billing"], responses={200: ref(StatementView)})
@api_view(["GET"])
@permission_classes([CanRead])
def statement(request: Request, month: str) -> Response:
    """Show a month, such as `2026-11`: charges by model, key and tag, and every movement of money."""
    refuse_unknown(request)
    own = caller(request).organisation_id
    return Response(statement_view(organisation_id=own, month=month, now=utc_now()))


@extend_schema(operation_id="statement_pdf", tags=["billing"], responses={(200, "application/pdf"): bytes})
@api_view(["GET"])
@permission_classes([CanRead])
def statement_as_pdf(request: Request, month: str) -> HttpResponse:
    """Give out a month as PDF."""
    refuse_unknown(request)
    own = caller(request).organisation_id
    rendered = statement_pdf(organisation_id=own, month=month, now=utc_now())
    return pdf_response(rendered, f"statement-{month}")
