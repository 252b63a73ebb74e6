"""Reports of abuse: made with the scopes `provide` or `infer`, decided with `operate`."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanInferOrProvide, CanOperate, caller
from api.openapi import list_of, parameter, ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from core.clock import rfc3339, rfc3339_or_none, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.abuse import AbuseDecision, AbuseReportView, NewAbuseReport, OperatorAbuseReportView
from inference.models import AbuseReport
from inference.services.abuse_report import (
    abuse_report_decide,
    abuse_report_of_job,
    abuse_report_of_lease,
)

LATEST = 200


@extend_schema(
    methods=["GET"],
    operation_id="abuse_reports_list",
    tags=["jobs"],
    responses={200: list_of(AbuseReportView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="abuse_report_create",
    tags=["jobs"],
    description="Report a job that you were given as a provider (`lease_id`, scope `provide`), or the "
    "provider that ran a job of yours (`job_id`, scope `infer`). Repeated, it answers what was reported.",
    request={"application/json": ref(NewAbuseReport)},
    responses={200: ref(AbuseReportView)},
)
@api_view(["GET", "POST"])
@permission_classes([CanInferOrProvide])
def reports(request: Request) -> Response:
    """List the organisation's latest 200 reports, newest first, with what became of them."""
    refuse_unknown(request)
    who = caller(request).organisation_id
    if request.method == "GET":
        rows = AbuseReport.objects.filter(reporter_id=who).order_by("-id")[:LATEST]
        return Response({"data": [_own(row) for row in rows]})
    return Response(_own(_report(request, asked(request, NewAbuseReport))))


def _report(request: Request, wanted: NewAbuseReport) -> AbuseReport:
    if (wanted.lease_id is None) == (wanted.job_id is None):
        raise CuxError(Code.INVALID_FIELD, "Name a lease or a job, one of both.", param="lease_id")
    who, now = caller(request), utc_now()
    if wanted.lease_id is not None:
        who.require("provide")
        return abuse_report_of_lease(
            provider_organisation_id=who.organisation_id,
            lease_id=_id("lease", wanted.lease_id),
            reason=wanted.reason,
            detail=wanted.detail,
            now=now,
        )
    who.require("infer")
    return abuse_report_of_job(
        organisation_id=who.organisation_id,
        job_id=_id("job", wanted.job_id or ""),
        reason=wanted.reason,
        detail=wanted.detail,
        now=now,
    )


@extend_schema(
    operation_id="operator_abuse_reports_list",
    tags=["operators"],
    parameters=[parameter("state", "string", "`open`, `dismissed` or `upheld`; `open` if absent.")],
    responses={200: list_of(OperatorAbuseReportView)},
)
@api_view(["GET"])
@permission_classes([CanOperate])
def all_reports(request: Request) -> Response:
    """List the latest 200 reports in a state, newest first."""
    refuse_unknown(request, "state")
    state = request.query_params.get("state", AbuseReport.State.OPEN)
    if state not in AbuseReport.State.values:
        raise CuxError(Code.INVALID_FIELD, f"One of {AbuseReport.State.values}.", param="state")
    rows = AbuseReport.objects.filter(state=state).order_by("-id")[:LATEST]
    return Response({"data": [_whole(row) for row in rows]})


@extend_schema(
    operation_id="operator_abuse_report_decide",
    tags=["operators"],
    request={"application/json": ref(AbuseDecision)},
    responses={200: ref(OperatorAbuseReportView)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def decide(request: Request, abuse_report_id: str) -> Response:
    """Dismiss or uphold a report; decided before, it answers what was decided. A ban is a step of its own."""
    wanted = asked(request, AbuseDecision)
    report = abuse_report_decide(
        abuse_report_id=_id("abuse_report", abuse_report_id),
        state=AbuseReport.State(wanted.state),
        note=wanted.note,
        by=public_id("key", caller(request).key_id),
        now=utc_now(),
    )
    return Response(_whole(report))


def _id(kind: str, text: str) -> Any:
    known = parse_public_id(kind, text)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    return known


def _fields(row: AbuseReport) -> dict[str, Any]:
    return {
        "abuse_report_id": public_id("abuse_report", row.id),
        "job_id": public_id("job", row.job_id),
        "reason": row.reason,
        "detail": row.detail,
        "state": row.state,
        "reported_at": rfc3339(row.reported_at),
        "decided_at": rfc3339_or_none(row.decided_at),
    }


def _own(row: AbuseReport) -> AbuseReportView:
    row.refresh_from_db()
    return msgspec.convert(_fields(row), AbuseReportView)


def _whole(row: AbuseReport) -> OperatorAbuseReportView:
    sides = {
        "reporter_id": public_id("organisation", row.reporter_id),
        "accused_id": public_id("organisation", row.accused_id),
        "decided_by": row.decided_by or None,
        "note": row.note,
    }
    return msgspec.convert(_fields(row) | sides, OperatorAbuseReportView)
