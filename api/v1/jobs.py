"""An organisation's jobs and their receipts."""

import uuid

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, CanReadOrInfer, caller
from api.openapi import page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.adaptive import AdaptiveView
from cux.wire.orders import JobView
from inference.selectors.adaptive import adaptive_get
from inference.selectors.jobs import job_get, job_list, receipt_get


@extend_schema(
    operation_id="jobs_list", tags=["jobs"], parameters=[LIMIT, CURSOR], responses={200: page_of(JobView)}
)
@api_view(["GET"])
@permission_classes([CanRead])
def jobs(request: Request) -> Response:
    """List the organisation's jobs, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit = limit_of(request)
    before = before_of(request, "job")
    rows = job_list(organisation_id=caller(request).organisation_id, limit=limit + 1, before=before)
    return Response(page(rows, limit, "job_id"))


@extend_schema(operation_id="job_get", tags=["jobs"], responses={200: ref(JobView)})
@api_view(["GET"])
@permission_classes([CanRead])
def job(request: Request, job_id: str) -> Response:
    """Show one job of the organisation."""
    refuse_unknown(request)
    return Response(job_get(organisation_id=caller(request).organisation_id, job_id=_job_id(job_id)))


@extend_schema(operation_id="adaptive_request_get", tags=["jobs"], responses={200: ref(AdaptiveView)})
@api_view(["GET"])
@permission_classes([CanReadOrInfer])
def adaptive_request(request: Request, adaptive_id: str) -> Response:
    """Show an adaptive request of the organisation: its plan, and its tranches as far as they are."""
    refuse_unknown(request)
    found = parse_public_id("adaptive", adaptive_id)
    if found is None:
        raise CuxError(Code.UNKNOWN_ADAPTIVE_REQUEST)
    return Response(adaptive_get(organisation_id=caller(request).organisation_id, request_id=found))


@extend_schema(
    operation_id="receipt_get",
    tags=["jobs"],
    responses={
        200: {"type": "object", "description": "The receipt's canonical bytes, as both sides signed it."}
    },
)
@api_view(["GET"])
@permission_classes([CanRead])
def receipt(request: Request, job_id: str) -> HttpResponse:
    """Give out a job's receipt, byte for byte as it was signed."""
    refuse_unknown(request)
    document = receipt_get(organisation_id=caller(request).organisation_id, job_id=_job_id(job_id))
    return HttpResponse(document, content_type="application/json")


def _job_id(text: str) -> uuid.UUID:
    job_id = parse_public_id("job", text)
    if job_id is None:
        raise CuxError(Code.UNKNOWN_JOB)
    return job_id
