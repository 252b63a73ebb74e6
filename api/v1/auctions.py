"""Call auctions, which everybody may watch, and a provider's standing offers."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, caller
from api.openapi import list_of, page_of, parameter, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import bad_cursor, cursor_of, limit_of, page, parse_moment, refuse_unknown
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import StandingOfferView
from cux.wire.market import AuctionView
from exchange.selectors.auctions import auction_get, auction_list, standing_offer_list


@extend_schema(
    operation_id="auctions_list",
    tags=["market"],
    parameters=[LIMIT, CURSOR, parameter("instrument", "string", "Only auctions of this instrument.")],
    responses={200: page_of(AuctionView)},
)
@api_view(["GET"])
def auctions(request: Request) -> Response:
    """List call auctions, newest first: what running ones would do now, what ended ones did."""
    refuse_unknown(request, "limit", "cursor", "instrument")
    limit, cursor = limit_of(request), cursor_of(request)
    try:
        before = parse_moment(cursor, "cursor") if cursor is not None else None
    except CuxError as malformed:
        raise bad_cursor() from malformed
    symbol = request.query_params.get("instrument")
    return Response(page(auction_list(symbol=symbol, limit=limit + 1, before=before), limit, "started_at"))


@extend_schema(operation_id="auction_get", tags=["market"], responses={200: ref(AuctionView)})
@api_view(["GET"])
def auction(request: Request, auction_id: str) -> Response:
    """Show one call auction."""
    refuse_unknown(request)
    known = parse_public_id("auction", auction_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such auction.")
    return Response(auction_get(auction_id=known))


@extend_schema(
    operation_id="standing_offers_list", tags=["orders"], responses={200: list_of(StandingOfferView)}
)
@api_view(["GET"])
@permission_classes([CanRead])
def standing_offers(request: Request) -> Response:
    """List the organisation's standing offers that are not withdrawn, newest first."""
    refuse_unknown(request)
    return Response({"data": standing_offer_list(organisation_id=caller(request).organisation_id)})
