"""The signed heads of the ledger's hash chain, for anyone to keep and to compare."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import page_of, parameter, ref
from api.v1.pages import bad_cursor, cursor_of, limit_of, page, refuse_unknown
from billing.selectors.heads import head_at, head_list, head_newest
from core.errors import Code, CuxError
from cux.wire.ledger_head import SignedHead


@extend_schema(operation_id="ledger_head_get", tags=["directory"], responses={200: ref(SignedHead)})
@api_view(["GET"])
def head(request: Request) -> Response:
    """Show the newest signed head; one is published every hour in which the ledger grew."""
    refuse_unknown(request)
    return Response(_found(head_newest()))


@extend_schema(
    operation_id="ledger_heads_list",
    tags=["directory"],
    parameters=[
        parameter("limit", "integer", "At most so many, 1 to 200."),
        parameter("cursor", "string", "Where the page before ended."),
    ],
    responses={200: page_of(SignedHead)},
)
@api_view(["GET"])
def heads(request: Request) -> Response:
    """List the signed heads, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit, cursor = limit_of(request), cursor_of(request)
    below = _height(cursor) if cursor is not None else None
    if cursor is not None and below is None:
        raise bad_cursor()
    rows = head_list(below=below, limit=limit + 1)
    shown = page([row.head for row in rows], limit, "height")
    return Response({**shown, "data": list(rows[:limit])})


@extend_schema(operation_id="ledger_head_at", tags=["directory"], responses={200: ref(SignedHead)})
@api_view(["GET"])
def head_of_height(request: Request, height: str) -> Response:
    """Show the head that was published of one height."""
    refuse_unknown(request)
    number = _height(height)
    return Response(_found(head_at(number) if number else None))


def _found(signed: SignedHead | None) -> SignedHead:
    if signed is None:
        raise CuxError(Code.NOT_FOUND, "No such head has been published.")
    return signed


def _height(text: str) -> int | None:
    """Return the height that a text says, if it says one that a chain can have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
