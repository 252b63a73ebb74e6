"""The audit log, for operators."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanOperate
from api.openapi import page_of, parameter
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from core.audit import Action, audit_list, audit_view
from core.errors import Code, CuxError
from cux.wire.oversight import AuditView


@extend_schema(
    operation_id="operator_audit",
    tags=["operators"],
    parameters=[LIMIT, CURSOR, parameter("action", "string", "Only this action, such as `payout.decided`.")],
    responses={200: page_of(AuditView)},
)
@api_view(["GET"])
@permission_classes([CanOperate])
def audit(request: Request) -> Response:
    """List who did what that matters, newest first. The log is append-only and sealed with the ledger."""
    refuse_unknown(request, "limit", "cursor", "action")
    limit, before = limit_of(request), before_of(request, "audit")
    action = request.query_params.get("action")
    if action is not None and action not in set(Action):
        raise CuxError(Code.INVALID_FIELD, f"Actions are {', '.join(Action)}.", param="action")
    rows = audit_list(limit=limit + 1, action=action, before=before)
    return Response(page([audit_view(row) for row in rows], limit, "audit_id"))
