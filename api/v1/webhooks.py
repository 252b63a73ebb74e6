"""The organisation's webhooks: listed with the scope `read`, changed with the scope `keys`."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.services.webhook_endpoints import (
    webhook_endpoint_create,
    webhook_endpoint_remove,
    webhook_endpoints,
)
from accounts.services.webhooks_deliver import webhook_deliveries, webhook_replay
from api.auth import ReadsOrManagesKeys, caller
from api.openapi import list_of, ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from core.clock import rfc3339, rfc3339_or_none, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.webhooks import DeliveryView, MadeWebhook, NewWebhook, WebhookView


@extend_schema(
    methods=["GET"], operation_id="webhooks_list", tags=["webhooks"], responses={200: list_of(WebhookView)}
)
@extend_schema(
    methods=["POST"],
    operation_id="webhook_create",
    tags=["webhooks"],
    description="Have an address told of events. The answer shows its secret once; a repetition makes "
    "another webhook. Needs the scope `keys`.",
    request={"application/json": ref(NewWebhook)},
    responses={201: ref(MadeWebhook)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrManagesKeys])
def webhooks(request: Request) -> Response:
    """List the addresses that are told of events, newest first; needs the scope `read`."""
    refuse_unknown(request)
    who = caller(request).organisation_id
    if request.method == "GET":
        rows = webhook_endpoints(who)
        return Response({"data": [msgspec.convert(_fields(row), WebhookView) for row in rows]})
    wanted = asked(request, NewWebhook)
    made = webhook_endpoint_create(organisation_id=who, url=wanted.url, types=wanted.types)
    shown = msgspec.convert(_fields(made.endpoint) | {"secret": made.secret}, MadeWebhook)
    return Response(shown, status=201)


@extend_schema(operation_id="webhook_remove", tags=["webhooks"], responses={200: ref(WebhookView)})
@api_view(["DELETE"])
@permission_classes([ReadsOrManagesKeys])
def webhook(request: Request, webhook_id: str) -> Response:
    """Tell an address nothing more, of what waits neither. Needs the scope `keys`."""
    refuse_unknown(request)
    known = parse_public_id("webhook", webhook_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such webhook.")
    row = webhook_endpoint_remove(
        organisation_id=caller(request).organisation_id, endpoint_id=known, now=utc_now()
    )
    return Response(msgspec.convert(_fields(row), WebhookView))


@extend_schema(
    operation_id="webhook_deliveries_list", tags=["webhooks"], responses={200: list_of(DeliveryView)}
)
@api_view(["GET"])
@permission_classes([ReadsOrManagesKeys])
def deliveries(request: Request) -> Response:
    """List what webhooks were told, or are to be, newest first, at most 200; needs the scope `read`."""
    refuse_unknown(request)
    rows = webhook_deliveries(caller(request).organisation_id)
    return Response({"data": [_delivery(row) for row in rows]})


@extend_schema(
    operation_id="webhook_replay", tags=["webhooks"], request=None, responses={202: ref(DeliveryView)}
)
@api_view(["POST"])
@permission_classes([ReadsOrManagesKeys])
def replay(request: Request, delivery_id: str) -> Response:
    """Have an event delivered once more, under the same id; at most ten a minute. Needs the scope `keys`."""
    refuse_unknown(request)
    known = parse_public_id("delivery", delivery_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such delivery.")
    row = webhook_replay(organisation_id=caller(request).organisation_id, delivery_id=known, now=utc_now())
    return Response(_delivery(row), status=202)


def _fields(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "webhook_id": public_id("webhook", row.id),
        "url": row.url,
        "types": row.types,
        "created_at": rfc3339(row.created_at),
        "removed_at": rfc3339_or_none(row.removed_at),
    }


def _delivery(row: WebhookDelivery) -> DeliveryView:
    return DeliveryView(
        delivery_id=public_id("delivery", row.id),
        webhook_id=public_id("webhook", row.endpoint_id),
        type=row.type,
        attempts=row.attempts,
        outcome=row.outcome or None,
        created_at=rfc3339(row.created_at),
        delivered_at=rfc3339_or_none(row.delivered_at),
        next_at=rfc3339_or_none(row.next_at),
    )
