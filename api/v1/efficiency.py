"""The leaderboard of compute efficiency: published results, and the rows that they rest on."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import page_of
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.efficiency import EfficiencyResultView
from inference.selectors.efficiency import efficiency_list, efficiency_rows


@extend_schema(
    operation_id="efficiency_list",
    tags=["efficiency"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(EfficiencyResultView)},
)
@api_view(["GET"])
def results(request: Request) -> Response:
    """List the published results of the compute-efficiency benchmark, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit, before = limit_of(request), before_of(request, "efficiency_result")
    rows = efficiency_list(limit=limit + 1, before=before)
    return Response(page(rows, limit, "efficiency_result_id"))


@extend_schema(
    operation_id="efficiency_rows",
    tags=["efficiency"],
    responses={(200, "application/x-ndjson"): bytes},
)
@api_view(["GET"])
def rows(request: Request, efficiency_result_id: str) -> HttpResponse:
    """Give out the rows of a result, a line of JSON for each question; their SHA-256 stands in the result."""
    refuse_unknown(request)
    found = parse_public_id("efficiency_result", efficiency_result_id)
    lines = efficiency_rows(found) if found else None
    if lines is None:
        raise CuxError(Code.NOT_FOUND, "There is no such result.")
    return HttpResponse(lines, content_type="application/x-ndjson")
