"""Pages of lists as OpenAI's clients ask for them: `limit`, and `after` the id that ended the page before."""

import uuid
from collections.abc import Iterable
from typing import Final

from api.http import Request
from core.errors import Code, CuxError
from core.ids import parse_public_id

LIMIT: Final = 20
LIMIT_MAX: Final = 100


def known_id(kind: str, text: str, unknown: Code) -> uuid.UUID:
    """Return the id that this text is. Raises CuxError `unknown` if it is none of its kind."""
    found = parse_public_id(kind, text)
    if found is None:
        raise CuxError(unknown)
    return found


def page_of(request: Request, kind: str, *more: str) -> tuple[int, uuid.UUID | None]:
    """Return limit and `after` of a list's query, which holds nothing else but these and `more`.

    Raises:
        CuxError: INVALID_FIELD.
    """
    query = request.query
    _refuse_others(query, {"limit", "after", *more})
    limit = query.get("limit", str(LIMIT))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= LIMIT_MAX:
        raise CuxError(Code.INVALID_FIELD, f"A page has 1 to {LIMIT_MAX} entries.", param="limit")
    if "after" not in query:
        return int(limit), None
    after = parse_public_id(kind, query["after"])
    if after is None:
        raise CuxError(Code.INVALID_FIELD, "That is no id of this list.", param="after")
    return int(limit), after


def _refuse_others(names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise CuxError(Code.INVALID_FIELD, f"`{name}` is not known here.", param=name)
