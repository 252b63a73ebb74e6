"""What anyone may know: providers and compute cards."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import list_of, ref
from api.v1.pages import refuse_unknown
from api.v1.shapes import CardView, ProviderView, StandingView
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import public_id
from inference.models import CatalogueModel
from inference.selectors.catalogue import model_list
from inference.selectors.providers import provider_list


@extend_schema(operation_id="providers_list", tags=["directory"], responses={200: list_of(ProviderView)})
@api_view(["GET"])
def providers(request: Request) -> Response:
    """List the enrolled providers, and who of them is up."""
    refuse_unknown(request)
    rows = [
        ProviderView(
            provider_id=public_id("provider", facts.provider_id),
            organisation_id=public_id("organisation", facts.organisation_id),
            name=facts.name,
            trust_tier=facts.trust_tier,
            up=facts.up,
            draining=facts.draining,
            models=list(facts.models),
            rate_ucu_per_s=facts.rate_ucu_per_s,
            receipts=facts.receipts,
            circuit=facts.circuit.value,
            standings=[StandingView(**asdict(each)) for each in facts.standings],
        )
        for facts in provider_list(now=utc_now())
    ]
    return Response({"data": rows})


@extend_schema(operation_id="cards_list", tags=["directory"], responses={200: list_of(CardView)})
@api_view(["GET"])
def cards(request: Request) -> Response:
    """List the compute cards of all models."""
    refuse_unknown(request)
    return Response({"data": [_card(model) for model in model_list()]})


@extend_schema(operation_id="card_get", tags=["directory"], responses={200: ref(CardView)})
@api_view(["GET"])
def card(request: Request, card_hash: str) -> Response:
    """Show the compute card with this hash."""
    refuse_unknown(request)
    for model in model_list():
        if model.card_hash == card_hash:
            return Response(_card(model))
    raise CuxError(Code.NOT_FOUND, "There is no compute card with this hash.")


def _card(model: CatalogueModel) -> CardView:
    return CardView(
        model=model.name,
        compute_class=model.compute_class_id,
        context_tokens=model.context_tokens,
        licence=model.licence,
        card_hash=model.card_hash,
        card=model.card,
    )
