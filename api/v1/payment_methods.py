"""Saved cards, and paying in by one of them when little is left. Needs `read` to look, `trade` to change."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanTrade, ReadsOrTrades, caller
from api.openapi import list_of, ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from billing.selectors.auto_top_up import auto_top_up_get
from billing.services.auto_top_up_set import auto_top_up_end, auto_top_up_set
from billing.services.payment_methods import (
    payment_method_default,
    payment_method_forget,
    payment_method_list,
    payment_method_setup,
)
from core.clock import utc_now
from cux.wire.payments import AutoTopUpRules, AutoTopUpView, NewPaymentMethod, PaymentMethodView, SetupView


@extend_schema(
    methods=["GET"],
    operation_id="payment_methods_list",
    tags=["billing"],
    responses={200: list_of(PaymentMethodView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="payment_method_setup",
    tags=["billing"],
    description="Ask for a page to save a card on, without paying. Needs the scope `trade`.",
    request={"application/json": ref(NewPaymentMethod)},
    responses={201: ref(SetupView)},
)
@api_view(["GET", "POST"])
@permission_classes([ReadsOrTrades])
def payment_methods(request: Request) -> Response:
    """List the saved cards, newest first; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "GET":
        refuse_unknown(request)
        return Response({"data": payment_method_list(organisation_id=organisation_id)})
    wanted = asked(request, NewPaymentMethod)
    url = payment_method_setup(organisation_id=organisation_id, return_url=wanted.return_url)
    return Response(SetupView(url=url), status=201)


@extend_schema(
    operation_id="payment_method_forget", tags=["billing"], responses={200: ref(PaymentMethodView)}
)
@api_view(["DELETE"])
@permission_classes([CanTrade])
def payment_method(request: Request, payment_method: str) -> Response:
    """Forget a saved card for good; top-ups by it end. Needs the scope `trade`."""
    refuse_unknown(request)
    organisation_id = caller(request).organisation_id
    return Response(payment_method_forget(organisation_id=organisation_id, payment_method_id=payment_method))


@extend_schema(
    operation_id="payment_method_default",
    tags=["billing"],
    request=None,
    responses={200: ref(PaymentMethodView)},
)
@api_view(["PUT"])
@permission_classes([CanTrade])
def default(request: Request, payment_method: str) -> Response:
    """Have a saved card be the first choice. Needs the scope `trade`."""
    refuse_unknown(request)
    organisation_id = caller(request).organisation_id
    return Response(payment_method_default(organisation_id=organisation_id, payment_method_id=payment_method))


@extend_schema(
    methods=["GET"], operation_id="auto_top_up_get", tags=["billing"], responses={200: ref(AutoTopUpView)}
)
@extend_schema(
    methods=["PUT"],
    operation_id="auto_top_up_set",
    tags=["billing"],
    description="Pay in with a saved card whenever less than the threshold can be spent, up to a cap a "
    "month. Three declines in a row switch it off. Needs the scope `trade`.",
    request={"application/json": ref(AutoTopUpRules)},
    responses={200: ref(AutoTopUpView)},
)
@extend_schema(
    methods=["DELETE"],
    operation_id="auto_top_up_end",
    tags=["billing"],
    description="Switch the automatic top-up off. Needs the scope `trade`.",
    responses={200: ref(AutoTopUpView)},
)
@api_view(["GET", "PUT", "DELETE"])
@permission_classes([ReadsOrTrades])
def auto_top_up(request: Request) -> Response:
    """Show the automatic top-up; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "PUT":
        rules = asked(request, AutoTopUpRules)
        return Response(auto_top_up_set(organisation_id=organisation_id, rules=rules, now=utc_now()))
    refuse_unknown(request)
    work = auto_top_up_get if request.method == "GET" else auto_top_up_end
    return Response(work(organisation_id=organisation_id, now=utc_now()))
