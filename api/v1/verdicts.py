"""The sequencer's verdicts as answers of REST views."""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response

from api.http import checked_key, request_id
from exchange.sequencer.protocol import Verdict


def verdict_response(verdict: Verdict) -> Response:
    """Return a verdict as an answer, a refusal in the one error shape."""
    body = verdict.body
    if "error" in body:
        body = {"error": {"param": None, **body["error"], "request_id": request_id()}}
    return Response(body, status=verdict.status)


def key_of(request: Request) -> str:
    """Return the caller's Idempotency-Key, or a fresh one. Raises CuxError INVALID_FIELD."""
    return checked_key(request.headers.get("Idempotency-Key")) or uuid.uuid4().hex
