"""An organisation's own orders, money and entitlements. The key's scope `read` is needed."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, caller
from api.openapi import list_of, page_of, parameter, ref
from api.v1.figures import balances_view, priced_orders
from api.v1.pages import before_of, limit_of, moment_of, page, refuse_unknown
from api.v1.shapes import AccountBalances, PricedOrder
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import DeadManView
from cux.wire.orders import EntitlementView
from exchange.selectors.dead_man import dead_man_get
from exchange.selectors.entitlements import entitlement_list
from exchange.selectors.orders import order_get, order_list

LIMIT = parameter("limit", "integer", "At most this many, 1 to 200; 50 if absent.")
CURSOR = parameter("cursor", "string", "`next_cursor` of the page before.")


@extend_schema(
    operation_id="orders_list",
    tags=["orders"],
    parameters=[
        LIMIT,
        CURSOR,
        parameter("instrument", "string", "Only orders of this instrument."),
        parameter("status", "string", "`open`: only open orders."),
        parameter("client_order_id", "string", "Only the order with this id of the caller's own."),
    ],
    responses={200: page_of(PricedOrder)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def orders(request: Request) -> Response:
    """List the organisation's orders, newest first."""
    refuse_unknown(request, "limit", "cursor", "instrument", "status", "client_order_id")
    limit = limit_of(request)
    own = request.query_params.get("client_order_id")
    if own is not None:
        found = order_get(organisation_id=caller(request).organisation_id, client_order_id=own)
        return Response(page(priced_orders([found]), limit, "order_id"))
    status = request.query_params.get("status")
    if status not in (None, "open"):
        raise CuxError(Code.INVALID_FIELD, "`status` is `open` or absent.", param="status")
    before = before_of(request, "order")
    rows = order_list(
        organisation_id=caller(request).organisation_id,
        symbol=request.query_params.get("instrument"),
        open_only=status == "open",
        limit=limit + 1,
        before=before,
    )
    return Response(page(priced_orders(rows), limit, "order_id"))


@extend_schema(operation_id="order_get", tags=["orders"], responses={200: ref(PricedOrder)})
@api_view(["GET"])
@permission_classes([CanRead])
def order(request: Request, order_id: str) -> Response:
    """Show one order of the organisation with its trades."""
    refuse_unknown(request)
    known = parse_public_id("order", order_id)
    if known is None:
        raise CuxError(Code.UNKNOWN_ORDER)
    found = order_get(organisation_id=caller(request).organisation_id, order_id=known)
    return Response(priced_orders([found])[0])


@extend_schema(operation_id="order_get_by_client_id", tags=["orders"], responses={200: ref(PricedOrder)})
@api_view(["GET"])
@permission_classes([CanRead])
def order_by_client_id(request: Request, client_order_id: str) -> Response:
    """Show the order that the organisation gave this id of its own: what became of a try nobody answered."""
    refuse_unknown(request)
    if "\0" in client_order_id:
        raise CuxError(Code.UNKNOWN_ORDER, param="client_order_id")
    found = order_get(organisation_id=caller(request).organisation_id, client_order_id=client_order_id)
    return Response(priced_orders([found])[0])


@extend_schema(operation_id="dead_man_get", tags=["orders"], responses={200: ref(DeadManView)})
@api_view(["GET"])
@permission_classes([CanRead])
def dead_man(request: Request) -> Response:
    """Show the dead-man switch: when all open orders will be cancelled unless it is renewed."""
    refuse_unknown(request)
    return Response(dead_man_get(organisation_id=caller(request).organisation_id))


@extend_schema(
    operation_id="balances_get",
    tags=["account"],
    parameters=[
        parameter("as_of", "string", "A moment in RFC 3339, UTC: what was booked until then. Now if absent.")
    ],
    responses={200: ref(AccountBalances)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def balances(request: Request) -> Response:
    """Show the organisation's money, now or as it was booked at a moment."""
    refuse_unknown(request, "as_of")
    return Response(balances_view(caller(request).organisation_id, as_of=moment_of(request, "as_of")))


@extend_schema(
    operation_id="entitlements_list",
    tags=["account"],
    parameters=[parameter("status", "string", "`live`: only those that can be drawn.")],
    responses={200: list_of(EntitlementView)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def entitlements(request: Request) -> Response:
    """List the organisation's compute, at most 200: live first (first to expire first), then ended."""
    refuse_unknown(request, "status")
    status = request.query_params.get("status")
    if status not in (None, "live"):
        raise CuxError(Code.INVALID_FIELD, "`status` is `live` or absent.", param="status")
    rows = entitlement_list(organisation_id=caller(request).organisation_id, live_only=status == "live")
    return Response({"data": rows})
