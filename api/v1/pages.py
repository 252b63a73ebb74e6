"""Lists come in pages: `limit` of at most 200, and an opaque cursor to the next page."""

import base64
import binascii
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from rest_framework.request import Request

from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.fields import Instant

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200


def limit_of(request: Request) -> int:
    """Return how many the caller wants. Raises CuxError INVALID_FIELD outside 1…200."""
    return int_of(request, "limit", default=LIMIT_DEFAULT, most=LIMIT_MAX)


def int_of(request: Request, name: str, *, default: int, most: int) -> int:
    """Return a query parameter from 1 to `most`. Raises CuxError INVALID_FIELD."""
    text = request.query_params.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= value <= most:
        raise CuxError(Code.INVALID_FIELD, f"`{name}` is a whole number from 1 to {most}.", param=name)
    return value


def cursor_of(request: Request) -> str | None:
    """Return what the page before ended with, or None for the first. Raises CuxError INVALID_FIELD."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        return base64.urlsafe_b64decode(text.encode()).decode()
    except (binascii.Error, ValueError) as malformed:
        raise bad_cursor() from malformed


def moment_of(request: Request, name: str) -> datetime | None:
    """Return a query parameter that is a moment in RFC 3339, UTC. Raises CuxError INVALID_FIELD."""
    text = request.query_params.get(name)
    return parse_moment(text, name) if text is not None else None


def parse_moment(text: str, param: str) -> datetime:
    """Return the moment that a caller wrote in RFC 3339, UTC. Raises CuxError INVALID_FIELD."""
    try:
        return datetime.fromisoformat(msgspec.convert(text, Instant))
    except (ValueError, msgspec.ValidationError) as unreadable:
        said = "Expected a moment such as 2026-11-23T08:00:00Z."
        raise CuxError(Code.INVALID_FIELD, said, param=param) from unreadable


def before_of(request: Request, kind: str) -> uuid.UUID | None:
    """Return the id of this kind that the page before ended with, or None. Raises CuxError INVALID_FIELD."""
    cursor = cursor_of(request)
    before = parse_public_id(kind, cursor) if cursor is not None else None
    if cursor is not None and before is None:
        raise bad_cursor()
    return before


def bad_cursor() -> CuxError:
    """Return the refusal of a cursor we did not give out."""
    return CuxError(Code.INVALID_FIELD, "Use `next_cursor` of the page before.", param="cursor")


def page(rows: Sequence[Any], limit: int, position: str) -> dict[str, Any]:
    """Return a page of at most `limit` of `rows`, of which one more was read to know if there are more.

    `position` names the field whose value in the last row is where the next page goes on.
    """
    has_more = len(rows) > limit
    shown = list(rows[:limit])
    last = str(getattr(shown[-1], position)) if has_more else None
    cursor = base64.urlsafe_b64encode(last.encode()).decode() if last is not None else None
    return {"data": shown, "has_more": has_more, "next_cursor": cursor}


def refuse_unknown(request: Request, *known: str) -> None:
    """Refuse query parameters that mean nothing here, so that a misspelt filter is not ignored.

    A value with a NUL is in no text of the database, which cannot even be asked for it.

    Raises:
        CuxError: INVALID_FIELD.
    """
    for name, value in request.query_params.items():
        if name not in known:
            raise CuxError(Code.INVALID_FIELD, f"There is no parameter `{name}` here.", param=name)
        if "\0" in value:
            raise CuxError(Code.INVALID_FIELD, f"`{name}` holds a NUL character.", param=name)
