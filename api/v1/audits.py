"""Verification: audits, the commitments to them, providers' reputation, failures and appeals."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanOperate, CanRead, CanTrade, caller
from api.openapi import list_of, page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.bodies import asked
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.audits import (
    AppealDecision,
    AuditDayView,
    AuditFailureView,
    JobAuditView,
    NewAppeal,
    NewTier,
    ReputationView,
)
from cux.wire.receipt_heads import SignedReceiptHeads
from inference.selectors.audits import (
    audit_days,
    audit_failure_list,
    audit_failure_view,
    audit_list,
    receipt_heads_newest,
    reputation_get,
)
from inference.services.appeal import appeal_decide, appeal_open
from inference.services.tier_set import tier_set


@extend_schema(
    operation_id="audits_list",
    tags=["verification"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(JobAuditView)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def audits(request: Request) -> Response:
    """List the audits of one's own provider, newest first, once their day (UTC) is over. Needs `read`."""
    refuse_unknown(request, "limit", "cursor")
    limit, before = limit_of(request), before_of(request, "job_audit")
    whose = caller(request).organisation_id
    rows = audit_list(organisation_id=whose, before=before, limit=limit + 1, now=utc_now())
    return Response(page(rows, limit, "audit_id"))


@extend_schema(operation_id="audit_days_list", tags=["verification"], responses={200: list_of(AuditDayView)})
@api_view(["GET"])
def commitments(request: Request) -> Response:
    """List the last days' commitments to audits; the secret of a day is shown once it is over."""
    refuse_unknown(request)
    return Response({"data": audit_days(now=utc_now())})


@extend_schema(operation_id="reputation_get", tags=["verification"], responses={200: ref(ReputationView)})
@api_view(["GET"])
def reputation(request: Request, provider_id: str) -> Response:
    """Show what a provider is worth, and each change of it with its evidence."""
    refuse_unknown(request)
    found = parse_public_id("provider", provider_id)
    view = reputation_get(provider_id=found, now=utc_now()) if found else None
    if view is None:
        raise CuxError(Code.NOT_FOUND, "There is no such provider.")
    return Response(view)


@extend_schema(
    operation_id="audit_failures_list", tags=["verification"], responses={200: list_of(AuditFailureView)}
)
@api_view(["GET"])
@permission_classes([CanRead])
def failures(request: Request) -> Response:
    """List the failures of one's own provider, newest first. Needs the scope `read`."""
    refuse_unknown(request)
    return Response({"data": audit_failure_list(organisation_id=caller(request).organisation_id)})


@extend_schema(
    operation_id="appeal_open",
    tags=["verification"],
    request={"application/json": ref(NewAppeal)},
    responses={200: ref(AuditFailureView)},
)
@api_view(["POST"])
@permission_classes([CanTrade])
def appeal(request: Request, failure_id: str) -> Response:
    """Appeal against a failure, once and within thirty days. Needs the scope `trade`."""
    wanted = asked(request, NewAppeal)
    failure = appeal_open(
        failure_id=_failure(failure_id),
        organisation_id=caller(request).organisation_id,
        text=wanted.text,
        now=utc_now(),
    )
    return Response(audit_failure_view(failure))


@extend_schema(
    operation_id="operator_audit_failures_list",
    tags=["operators"],
    responses={200: list_of(AuditFailureView)},
)
@api_view(["GET"])
@permission_classes([CanOperate])
def all_failures(request: Request) -> Response:
    """List the latest 200 failures of all providers, with their appeals. Needs the scope `operate`."""
    refuse_unknown(request)
    return Response({"data": audit_failure_list()})


@extend_schema(
    operation_id="operator_appeal_decide",
    tags=["operators"],
    request={"application/json": ref(AppealDecision)},
    responses={200: ref(AuditFailureView)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def decision(request: Request, failure_id: str) -> Response:
    """Decide an open appeal. Upheld, hold-back and tier come back. Needs the scope `operate`."""
    wanted = asked(request, AppealDecision)
    failure = appeal_decide(
        failure_id=_failure(failure_id), upheld=wanted.upheld, decision=wanted.decision, now=utc_now()
    )
    return Response(audit_failure_view(failure))


@extend_schema(
    operation_id="operator_tier_set",
    tags=["operators"],
    request={"application/json": ref(NewTier)},
    responses={200: ref(ReputationView)},
)
@api_view(["PUT"])
@permission_classes([CanOperate])
def tier(request: Request, provider_id: str) -> Response:
    """Set a provider's tier, and with it hold-back and audits. Needs the scope `operate`."""
    wanted, found = asked(request, NewTier), parse_public_id("provider", provider_id)
    if found is None:
        raise CuxError(Code.NOT_FOUND, "There is no such provider.")
    tier_set(provider_id=found, tier=wanted.tier, reason=wanted.reason, now=utc_now())
    return Response(reputation_get(provider_id=found, now=utc_now()))


@extend_schema(
    operation_id="receipt_heads_get", tags=["verification"], responses={200: ref(SignedReceiptHeads)}
)
@api_view(["GET"])
def receipt_heads(request: Request) -> Response:
    """Show the signed heads of all providers' receipt chains, published every hour."""
    refuse_unknown(request)
    signed = receipt_heads_newest()
    if signed is None:
        raise CuxError(Code.NOT_FOUND, "No heads have been published yet.")
    return Response(signed)


def _failure(text: str) -> uuid.UUID:
    found = parse_public_id("failure", text)
    if found is None:
        raise CuxError(Code.NOT_FOUND, "There is no such failure.")
    return found
