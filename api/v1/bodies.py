"""What a request of the REST API brings: its body, and the key that makes a repetition harmless."""

from typing import Final, TypeVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.http import parse_json
from api.v1.pages import refuse_unknown

T = TypeVar("T")

KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="The same key with the same body gets the same answer; with another body, 409. "
    "It is known for at least 30 days.",
)


def asked(request: Request, shape: type[T]) -> T:
    """Return what the body of a request asks for. Raises CuxError as `parse_json`."""
    refuse_unknown(request)
    return parse_json(request.data if isinstance(request.data, bytes) else b"", shape)
