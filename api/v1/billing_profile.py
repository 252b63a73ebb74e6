"""Whom the organisation's tax documents are made out to."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import ReadsOrTrades, caller
from api.openapi import ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from billing.selectors.billing_profile import billing_profile_get
from billing.services.billing_profile_set import billing_profile_set
from core.clock import rfc3339, utc_now
from cux.wire.documents import BillingProfile, BillingProfileView


@extend_schema(
    methods=["GET"],
    operation_id="billing_profile_get",
    tags=["billing"],
    responses={200: ref(BillingProfileView)},
)
@extend_schema(
    methods=["PUT"],
    operation_id="billing_profile_set",
    tags=["billing"],
    description="Replace the profile; documents already issued stay as they are. Any repetition is harmless. "
    "Needs the scope `trade`.",
    request={"application/json": ref(BillingProfile)},
    responses={200: ref(BillingProfileView)},
)
@api_view(["GET", "PUT"])
@permission_classes([ReadsOrTrades])
def billing_profile(request: Request) -> Response:
    """Show whom tax documents are made out to; needs the scope `read`."""
    organisation_id = caller(request).organisation_id
    if request.method == "GET":
        refuse_unknown(request)
        kept = billing_profile_get(organisation_id)
    else:
        wanted = asked(request, BillingProfile)
        kept = billing_profile_set(
            organisation_id=organisation_id,
            legal_name=wanted.legal_name,
            address_lines=wanted.address_lines,
            country=wanted.country,
            vat_id=wanted.vat_id,
            email=wanted.email,
            now=utc_now(),
        )
    return Response(
        BillingProfileView(
            legal_name=kept.legal_name,
            address_lines=kept.address_lines,
            country=kept.country,
            vat_id=kept.vat_id,
            email=kept.email,
            updated_at=rfc3339(kept.updated_at),
        )
    )
