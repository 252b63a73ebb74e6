"""Bans by operators. The scope `operate` is needed."""

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Ban
from accounts.selectors.bans import ban_list
from api.auth import CanOperate, caller
from api.openapi import list_of, ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from core.clock import rfc3339, rfc3339_or_none, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.abuse import BanView, NewBan
from inference.services.organisation_ban import ban_lift, organisation_ban


@extend_schema(
    methods=["GET"],
    operation_id="operator_bans_list",
    tags=["operators"],
    responses={200: list_of(BanView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="operator_ban",
    tags=["operators"],
    description="Shut an organisation out: its keys stop within a second, its open orders are cancelled and "
    "its jobs stopped; or of providing alone. Banned already, it stays so. Needs the scope `operate`.",
    request={"application/json": ref(NewBan)},
    responses={200: ref(BanView)},
)
@api_view(["GET", "POST"])
@permission_classes([CanOperate])
def bans(request: Request) -> Response:
    """List the latest 200 bans, those lifted too, newest first. Needs the scope `operate`."""
    refuse_unknown(request)
    if request.method == "GET":
        return Response({"data": [_view(row) for row in ban_list()]})
    wanted = asked(request, NewBan)
    organisation_id = parse_public_id("organisation", wanted.organisation_id)
    if organisation_id is None:
        raise CuxError(Code.NOT_FOUND, "There is no such organisation.")
    ban = organisation_ban(
        organisation_id=organisation_id,
        reach=Ban.Reach(wanted.reach),
        reason=wanted.reason,
        by=public_id("key", caller(request).key_id),
        now=utc_now(),
    )
    return Response(_view(ban))


@extend_schema(
    operation_id="operator_ban_lift", tags=["operators"], request=None, responses={200: ref(BanView)}
)
@api_view(["POST"])
@permission_classes([CanOperate])
def lift(request: Request, ban_id: str) -> Response:
    """Let an organisation in again; lifted before, it answers when."""
    refuse_unknown(request)
    known = parse_public_id("ban", ban_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such ban.")
    return Response(_view(ban_lift(ban_id=known, by=public_id("key", caller(request).key_id), now=utc_now())))


def _view(row: Ban) -> BanView:
    return msgspec.convert(
        {
            "ban_id": public_id("ban", row.id),
            "organisation_id": public_id("organisation", row.organisation_id),
            "reach": row.reach,
            "reason": row.reason,
            "banned_by": row.banned_by,
            "banned_at": rfc3339(row.banned_at),
            "lifted_by": row.lifted_by or None,
            "lifted_at": rfc3339_or_none(row.lifted_at),
        },
        BanView,
    )
