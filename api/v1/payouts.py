"""What is paid out to the organisation, and what disputed payments took. Needs `read`, or `withdraw`."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.services.second_factor import require_fresh
from api.auth import CanOperate, CanRead, ReadsOrWithdraws, caller
from api.openapi import list_of, page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.operators import KEY, asked
from api.v1.pages import bad_cursor, cursor_of, limit_of, page, refuse_unknown
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


@extend_schema(methods=["GET"], operation_id="payee_get", tags=["payouts"], responses={200: ref(PayeeView)})
@extend_schema(
    methods=["POST"],
    operation_id="payee_onboard",
    tags=["payouts"],
    description="Say on the payment service's page (`onboarding_url`) who is paid and to which bank, or "
    "change it. Asks for a fresh code of an owner's authenticator. Needs the scope `withdraw`.",
    parameters=[KEY],
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
    wanted = asked(request, NewPayee)
    key = key_of(request)
    require_fresh(organisation_id=organisation_id, code=wanted.code, now=now)
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
    "`withdraw`.",
    parameters=[KEY],
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
            organisation_id=organisation_id, limit=limit + 1, before=_before(request, "payout")
        )
        return Response(page(rows, limit, "payout_id"))
    made = payout_start(
        organisation_id=organisation_id, asked=asked(request, NewPayout), key=key_of(request), now=utc_now()
    )
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
    rows = dispute_list(organisation_id=organisation_id, limit=limit + 1, before=_before(request, "dispute"))
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


def _before(request: Request, kind: str) -> uuid.UUID | None:
    cursor = cursor_of(request)
    before = parse_public_id(kind, cursor) if cursor is not None else None
    if cursor is not None and before is None:
        raise bad_cursor()
    return before
