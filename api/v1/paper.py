"""Paper money, on a test market alone."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanTrade, caller
from api.openapi import ref
from api.v1.bodies import KEY, asked
from api.v1.pages import refuse_unknown
from api.v1.verdicts import key_of
from core.clock import utc_now
from cux.wire.orders import PaperFunds
from exchange.services.paper_fund import paper_fund


@extend_schema(
    operation_id="paper_fund",
    tags=["account"],
    parameters=[KEY],
    request={"application/json": ref(PaperFunds)},
    responses={202: ref(PaperFunds)},
)
@api_view(["POST"])
@permission_classes([CanTrade])
def funds(request: Request) -> Response:
    """Ask for paper money, on a test market; it is in the balance shortly. Needs the scope `trade`."""
    refuse_unknown(request)
    wanted = asked(request, PaperFunds)
    paper_fund(
        organisation_id=caller(request).organisation_id,
        amount_nano_usd=wanted.amount_nano_usd,
        key=key_of(request),
        now=utc_now(),
    )
    return Response(wanted, status=202)
