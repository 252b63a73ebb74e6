"""The one error shape where Django answers: REST views, and Django's own 400, 403, 404 and 500."""

from typing import Any

import msgspec
import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from api.http import error_headers, request_id
from core.errors import Code, CuxError

log = structlog.get_logger(__name__)

_CODES: dict[type[Exception], Code] = {
    exceptions.ParseError: Code.MALFORMED_JSON,
    exceptions.NotAuthenticated: Code.INVALID_API_KEY,
    exceptions.AuthenticationFailed: Code.INVALID_API_KEY,
    exceptions.PermissionDenied: Code.FORBIDDEN,
    PermissionDenied: Code.FORBIDDEN,
    SuspiciousOperation: Code.INVALID_FIELD,
    exceptions.NotFound: Code.NOT_FOUND,
    Http404: Code.NOT_FOUND,
    exceptions.MethodNotAllowed: Code.METHOD_NOT_ALLOWED,
    exceptions.UnsupportedMediaType: Code.UNSUPPORTED_MEDIA_TYPE,
    exceptions.Throttled: Code.RATE_LIMITED,
    exceptions.ValidationError: Code.INVALID_FIELD,
}


def drf_exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Return the one shape for whatever a REST view raised; what nobody expected is logged as a 500."""
    error = exc if isinstance(exc, CuxError) else _translate(exc)
    headers = error_headers(error)
    if isinstance(exc, exceptions.MethodNotAllowed):
        allowed = set(context["view"].allowed_methods) - {"OPTIONS"}  # it is answered nowhere
        context["view"].headers["Allow"] = ", ".join(sorted(allowed))
    return Response(error.body(request_id()), status=error.status, headers=headers)


def _translate(exc: Exception) -> CuxError:
    for kind, code in _CODES.items():
        if isinstance(exc, kind):
            return CuxError(code)
    log.error("request_failed", exc_info=exc)
    return CuxError(Code.INTERNAL)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether a program asks: an API path, or a client that does not name HTML (browsers do)."""
    return request.path.startswith(("/v1/", "/agent/")) or "text/html" not in request.headers.get(
        "accept", ""
    )


def _shape(code: Code) -> HttpResponse:
    error = CuxError(code)
    return HttpResponse(
        msgspec.json.encode(error.body(request_id())),
        status=error.status,
        content_type="application/json",
        headers=error_headers(error),
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 400 as the one shape to programs and as a page (`400.html`) to people."""
    return _shape(Code.INVALID_FIELD) if wants_json(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403 likewise."""
    return _shape(Code.FORBIDDEN) if wants_json(request) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404 likewise."""
    return _shape(Code.NOT_FOUND) if wants_json(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500 likewise; Django has logged the exception with the request's id."""
    return _shape(Code.INTERNAL) if wants_json(request) else defaults.server_error(request)
