"""Quotes: the most a job would use, before anything is run."""

import uuid

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanInfer, caller
from api.openai.effort import adaptive_ask
from api.openapi import ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from api.v1.shapes import QuoteRequest, QuoteView
from core.clock import utc_now
from core.errors import Code, CuxError
from cux.wire.adaptive import AdaptivePlan
from inference.services.adaptive_open import plan_shown
from inference.services.adaptive_quote import AdaptiveAsk, adaptive_quote
from inference.services.job_quote import job_quote


@extend_schema(
    operation_id="quote_create",
    tags=["jobs"],
    request={"application/json": ref(QuoteRequest)},
    responses={200: ref(QuoteView)},
)
@api_view(["POST"])
@permission_classes([CanInfer])
def quotes(request: Request) -> Response:
    """Say what a job would use at most. Nothing is run or reserved, so any repetition is harmless."""
    refuse_unknown(request)
    wanted = asked(request, QuoteRequest)
    if (wanted.messages is None) == (wanted.prompt is None):
        raise CuxError(Code.INVALID_FIELD, "Send either `messages` or `prompt`.", param="messages")
    ask = adaptive_ask(
        wanted.quality,
        wanted.reasoning_effort,
        wanted.value_usd,
        max_tokens=wanted.max_tokens,
        cap_ucu=wanted.max_compute_ucu,
    )
    if ask is not None:
        return Response(_planned(caller(request).organisation_id, wanted, ask))
    quote = job_quote(
        organisation_id=caller(request).organisation_id,
        model=wanted.model,
        messages=wanted.messages,
        prompt=wanted.prompt,
        max_tokens=wanted.max_tokens,
        max_compute_ucu=wanted.max_compute_ucu,
    )
    return Response(
        QuoteView(
            model=quote.model,
            compute_class=quote.compute_class,
            card_hash=quote.card_hash,
            prompt_tokens=len(quote.prompt_token_ids),
            max_tokens=quote.max_tokens,
            quote_ucu=quote.quote_ucu,
        )
    )


def _planned(organisation_id: uuid.UUID, wanted: QuoteRequest, ask: AdaptiveAsk) -> QuoteView:
    if wanted.messages is None:
        raise CuxError(Code.INVALID_FIELD, "A ladder is asked by `messages`.", param="prompt")
    planned = adaptive_quote(
        organisation_id=organisation_id, model=wanted.model, messages=wanted.messages, ask=ask, now=utc_now()
    )
    first = planned.quotes[planned.plan.first.name]
    return QuoteView(
        model=planned.model,
        compute_class=planned.compute_class,
        card_hash=first.card_hash,
        prompt_tokens=len(first.prompt_token_ids),
        max_tokens=first.max_tokens,
        quote_ucu=planned.quote_ucu,
        plan=msgspec.convert(plan_shown(planned), AdaptivePlan),
    )
