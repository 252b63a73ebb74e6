"""Selling compute on."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanTrade, caller
from api.openapi import list_of, ref
from api.v1.account import LIMIT
from api.v1.bodies import KEY, asked
from api.v1.pages import limit_of, parse_moment, refuse_unknown
from api.v1.verdicts import key_of, verdict_response
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import SellEntitlement
from cux.wire.market import ResaleView
from cux.wire.orders import OrderView
from exchange.selectors.resale import resale_list
from exchange.services.entitlement_lodge import Offer
from exchange.services.entitlement_sell import entitlement_sell


@extend_schema(
    operation_id="resales_list", tags=["market"], parameters=[LIMIT], responses={200: list_of(ResaleView)}
)
@api_view(["GET"])
def offers(request: Request, symbol: str) -> Response:
    """List compute that its holders sell on, cheapest first, with the end of its window. No key is needed."""
    refuse_unknown(request, "limit")
    return Response({"data": resale_list(symbol=symbol, limit=limit_of(request))})


@extend_schema(
    operation_id="entitlement_sell",
    tags=["account"],
    parameters=[KEY],
    request={"application/json": ref(SellEntitlement)},
    responses={201: ref(OrderView)},
)
@api_view(["POST"])
@permission_classes([CanTrade])
def sell(request: Request, entitlement_id: str) -> Response:
    """Offer lots of an entitlement for resale; what is not sold comes back. Needs the scope `trade`."""
    refuse_unknown(request)
    wanted = asked(request, SellEntitlement)
    known = parse_public_id("entitlement", entitlement_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such entitlement of this account.")
    until = parse_moment(wanted.expires_at, "expires_at") if wanted.expires_at is not None else None
    offer = Offer(
        organisation_id=caller(request).organisation_id,
        entitlement_id=known,
        price_ticks=wanted.price_ticks,
        quantity_lots=wanted.quantity_lots,
        expires_at=int(until.timestamp()) if until is not None else None,
        key=key_of(request),
    )
    return verdict_response(entitlement_sell(offer=offer, now=utc_now()))
