"""Quotes: the most a job would use, before anything is run."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanInfer, caller
from api.openapi import ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from api.v1.shapes import QuoteRequest, QuoteView
from core.errors import Code, CuxError
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
