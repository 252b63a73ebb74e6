"""The organisation's API keys: listed with the scope `read`, made and revoked with the scope `keys`."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey
from accounts.selectors import api_key_list
from accounts.services import api_key_delegate, api_key_revoke
from api.auth import ReadsOrManagesKeys, caller
from api.openapi import list_of, ref
from api.v1.bodies import asked
from api.v1.pages import parse_moment, refuse_unknown
from core.clock import rfc3339, rfc3339_or_none, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.keys import ApiKeyView, IssuedApiKey, NewApiKey


@extend_schema(
    methods=["GET"], operation_id="api_keys_list", tags=["keys"], responses={200: list_of(ApiKeyView)}
)
@extend_schema(
    methods=["POST"],
    operation_id="api_key_create",
    tags=["keys"],
    description="Make a key that can do no more than the one that asks. The answer shows its secret once; "
    "a repetition makes another key. Needs the scope `keys`.",
    request={"application/json": ref(NewApiKey)},
    responses={201: ref(IssuedApiKey)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrManagesKeys])
def api_keys(request: Request) -> Response:
    """List the organisation's keys, newest first, at most 200; needs the scope `read`."""
    refuse_unknown(request)
    if request.method == "GET":
        rows = api_key_list(organisation_id=caller(request).organisation_id)
        return Response({"data": [msgspec.convert(_fields(row), ApiKeyView) for row in rows]})
    wanted = asked(request, NewApiKey)
    issued = api_key_delegate(
        by=caller(request),
        name=wanted.name,
        scopes=wanted.scopes,
        expires_at=parse_moment(wanted.expires_at, "expires_at") if wanted.expires_at else None,
        allowed_networks=wanted.allowed_networks,
        order_limit=wanted.order_limit,
        order_window_s=wanted.order_window_s,
        now=utc_now(),
    )
    issued.key.refresh_from_db()
    shown = msgspec.convert(_fields(issued.key) | {"secret": issued.secret}, IssuedApiKey)
    return Response(shown, status=201)


@extend_schema(operation_id="api_key_revoke", tags=["keys"], responses={200: ref(ApiKeyView)})
@api_view(["DELETE"])
@permission_classes([ReadsOrManagesKeys])
def api_key(request: Request, key_id: str) -> Response:
    """End a key of the organisation for good, everywhere within a second. Needs the scope `keys`."""
    refuse_unknown(request)
    known = parse_public_id("key", key_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such key.")
    api_key_revoke(organisation_id=caller(request).organisation_id, key_id=known, now=utc_now())
    return Response(msgspec.convert(_fields(ApiKey.objects.get(id=known)), ApiKeyView))


def _fields(row: ApiKey) -> dict[str, Any]:
    return {
        "key_id": public_id("key", row.id),
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "allowed_networks": row.allowed_networks,
        "order_limit": row.order_limit,
        "order_window_s": row.order_window_s,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339_or_none(row.expires_at),
        "revoked_at": rfc3339_or_none(row.revoked_at),
        "last_used_at": rfc3339_or_none(row.last_used_at),
    }
