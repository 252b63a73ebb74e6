"""Money by card: deposits and refunds. Deposits need the scope `trade`, refunds `withdraw`, lists `read`."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanRead, ReadsOrTrades, ReadsOrWithdraws, caller
from api.openapi import list_of, page_of, parameter, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.bodies import KEY, asked
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from api.v1.verdicts import key_of
from billing.selectors.card_views import deposit_get, deposit_list, refund_get, refund_list, refund_preview
from billing.selectors.refundable import refund_plan
from billing.services.deposit_start import deposit_start
from billing.services.refund_start import refund_start
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.payments import DepositView, NewDeposit, NewRefund, RefundPreview, RefundView

_AMOUNT = parameter(
    "amount_nano_usd", "integer", "What to refund, whole cents; all that is unspent if absent."
)


@extend_schema(
    methods=["GET"],
    operation_id="deposits_list",
    tags=["billing"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(DepositView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="deposit_create",
    tags=["billing"],
    description="Pay in by card: with a saved one, at once, or on the page `checkout_url`. The money is in "
    "the balance shortly after it was paid. A declined card is answered with 402. Needs the scope `trade`.",
    parameters=[KEY],
    request={"application/json": ref(NewDeposit)},
    responses={201: ref(DepositView)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrTrades])
def deposits(request: Request) -> Response:
    """List the organisation's deposits by card, newest first; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "GET":
        refuse_unknown(request, "limit", "cursor")
        limit = limit_of(request)
        before = before_of(request, "deposit")
        rows = deposit_list(organisation_id=organisation_id, limit=limit + 1, before=before)
        return Response(page(rows, limit, "deposit_id"))
    made = deposit_start(
        organisation_id=organisation_id, asked=asked(request, NewDeposit), key=key_of(request), now=utc_now()
    )
    return Response(made, status=201)


@extend_schema(operation_id="deposit_get", tags=["billing"], responses={200: ref(DepositView)})
@api_view(["GET"])
@permission_classes([CanRead])
def deposit(request: Request, deposit_id: str) -> Response:
    """Show one deposit of the organisation."""
    refuse_unknown(request)
    known = parse_public_id("deposit", deposit_id)
    return Response(deposit_get(organisation_id=caller(request).organisation_id, deposit_id=known))


@extend_schema(
    methods=["GET"],
    operation_id="refunds_list",
    tags=["billing"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(RefundView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="refund_create",
    tags=["billing"],
    description="Refund unspent money to the cards that paid it, the newest deposits first; one refund for "
    "each deposit it is of. See the preview for what reaches the cards. Needs the scope `withdraw`.",
    parameters=[KEY],
    request={"application/json": ref(NewRefund)},
    responses={201: list_of(RefundView)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrWithdraws])
def refunds(request: Request) -> Response:
    """List the organisation's refunds, newest first; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "GET":
        refuse_unknown(request, "limit", "cursor")
        limit = limit_of(request)
        before = before_of(request, "refund")
        rows = refund_list(organisation_id=organisation_id, limit=limit + 1, before=before)
        return Response(page(rows, limit, "refund_id"))
    begun = refund_start(
        organisation_id=organisation_id, asked=asked(request, NewRefund), key=key_of(request), now=utc_now()
    )
    return Response({"data": begun}, status=201)


@extend_schema(
    operation_id="refund_preview",
    tags=["billing"],
    parameters=[_AMOUNT],
    responses={200: ref(RefundPreview)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def preview(request: Request) -> Response:
    """Show what a refund would come to now: of which deposits it would be, and what would reach the cards."""
    refuse_unknown(request, "amount_nano_usd")
    text = request.query_params.get("amount_nano_usd")
    if text is not None and not (text.isascii() and text.isdigit() and 0 < len(text) < 19):
        raise CuxError(Code.INVALID_FIELD, "Expected a whole number of nano-USD.", param="amount_nano_usd")
    amount = int(text) if text is not None else None
    plan = refund_plan(organisation_id=caller(request).organisation_id, amount_nano_usd=amount)
    return Response(refund_preview(plan))


@extend_schema(operation_id="refund_get", tags=["billing"], responses={200: ref(RefundView)})
@api_view(["GET"])
@permission_classes([CanRead])
def refund(request: Request, refund_id: str) -> Response:
    """Show one refund of the organisation."""
    refuse_unknown(request)
    known = parse_public_id("refund", refund_id)
    return Response(refund_get(organisation_id=caller(request).organisation_id, refund_id=known))
