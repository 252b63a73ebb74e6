"""What is paid out to the organisation, and what disputed payments took. Needs `read`, or `withdraw`."""

from datetime import datetime
from typing import Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.services.second_factor_once import require_fresh_once
from api.auth import CanOperate, CanRead, ReadsOrWithdraws, caller
from api.openapi import list_of, page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.bodies import KEY, asked
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from api.v1.verdicts import key_of
from billing.selectors.payout_views import dispute_list, payout_get, payout_list, reconciliation_list
from billing.services.payee_start import payee_shown, payee_start
from billing.services.payout_start import payout_start
from core.clock import utc_now
from core.ids import parse_public_id
from cux.wire.payouts import (
    DisputeView,
    NewPayee,
    NewPayout,
    OnboardingView,
    PayeeView,
    PayoutView,
    ReconciliationView,
)
from inference.services.hold_backs_mature import hold_back_period_of

CODE: Final = OpenApiParameter(
    "X-CUX-One-Time-Code",
    {"type": "string", "maxLength": 40},
    OpenApiParameter.HEADER,
    description="A fresh code of an owner's authenticator, or a recovery code. Each is good once; the same "
    "request under the same key may be repeated with it.",
)


@extend_schema(methods=["GET"], operation_id="payee_get", tags=["payouts"], responses={200: ref(PayeeView)})
@extend_schema(
    methods=["POST"],
    operation_id="payee_onboard",
    tags=["payouts"],
    description="Say on the payment service's page (`onboarding_url`) who is paid and to which bank, or "
    "change it. Needs the scope `withdraw` and a fresh code.",
    parameters=[KEY, CODE],
    request={"application/json": ref(NewPayee)},
    responses={201: ref(OnboardingView)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrWithdraws])
def payee(request: Request) -> Response:
    """Show to whom earnings are paid out, and what of them can be now; needs the scope `read`."""
    organisation_id, now = caller(request).organisation_id, utc_now()
    hold_back = hold_back_period_of(organisation_id=organisation_id)
    if request.method == "GET":
        refuse_unknown(request)
        return Response(payee_shown(organisation_id=organisation_id, hold_back=hold_back, now=now))
    wanted, key = asked(request, NewPayee), key_of(request)
    _require_fresh(request, key, now)
    made = payee_start(organisation_id=organisation_id, asked=wanted, key=key, hold_back=hold_back, now=now)
    return Response(made, status=201)


@extend_schema(
    methods=["GET"],
    operation_id="payouts_list",
    tags=["payouts"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(PayoutView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="payout_create",
    tags=["payouts"],
    description="Pay out an amount, or all that is payable, now instead of at the day's hour. If something "
    "links the account with those who paid it, the payout is `blocked` and nothing moves. Needs the scope "
    "`withdraw` and a fresh code.",
    parameters=[KEY, CODE],
    request={"application/json": ref(NewPayout)},
    responses={201: ref(PayoutView)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrWithdraws])
def payouts(request: Request) -> Response:
    """List the organisation's payouts, newest first; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "GET":
        refuse_unknown(request, "limit", "cursor")
        limit = limit_of(request)
        rows = payout_list(
            organisation_id=organisation_id, limit=limit + 1, before=before_of(request, "payout")
        )
        return Response(page(rows, limit, "payout_id"))
    wanted, key, now = asked(request, NewPayout), key_of(request), utc_now()
    _require_fresh(request, key, now)
    made = payout_start(organisation_id=organisation_id, asked=wanted, key=key, now=now)
    return Response(made, status=201)


@extend_schema(operation_id="payout_get", tags=["payouts"], responses={200: ref(PayoutView)})
@api_view(["GET"])
@permission_classes([CanRead])
def payout(request: Request, payout_id: str) -> Response:
    """Show one payout of the organisation."""
    refuse_unknown(request)
    known = parse_public_id("payout", payout_id)
    return Response(payout_get(organisation_id=caller(request).organisation_id, payout_id=known))


@extend_schema(
    operation_id="disputes_list",
    tags=["payouts"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(DisputeView)},
)
@api_view(["GET"])
@permission_classes([CanRead])
def disputes(request: Request) -> Response:
    """List the disputes of the organisation's payments by card, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit = limit_of(request)
    organisation_id = caller(request).organisation_id
    rows = dispute_list(
        organisation_id=organisation_id, limit=limit + 1, before=before_of(request, "dispute")
    )
    return Response(page(rows, limit, "dispute_id"))


@extend_schema(
    operation_id="operator_reconciliations_list",
    tags=["operators"],
    responses={200: list_of(ReconciliationView)},
)
@api_view(["GET"])
@permission_classes([CanOperate])
def reconciliations(request: Request) -> Response:
    """List the latest 200 comparisons with Stripe's books, newest first."""
    refuse_unknown(request)
    return Response({"data": reconciliation_list()})


def _require_fresh(request: Request, key: str, now: datetime) -> None:
    """Use up the code that a request shows. Raises CuxError as `require_fresh`."""
    require_fresh_once(
        organisation_id=caller(request).organisation_id,
        code=request.headers.get(CODE.name),
        key=key,
        asked=request.path.encode() + b" " + (request.data if isinstance(request.data, bytes) else b""),
        now=now,
    )
