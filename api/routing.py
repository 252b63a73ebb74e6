"""Which plain ASGI handler answers a request; what is not here belongs to Django."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from api.http import Request, Response, Stream
from core.errors import Code, CuxError

Handler = Callable[[Request], Awaitable[Response | Stream]]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """A path such as `/v1/orders/{order_id}` with a handler per method.

    `django` names the methods of the same path that Django answers; `body_limit` is the most bytes of a body,
    where that is not the application's.
    """

    path: str
    handlers: Mapping[str, Handler]
    django: frozenset[str] = frozenset()
    body_limit: int | None = None
    _pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compile the path."""
        pattern = _PLACEHOLDER.sub(r"(?P<\1>[^/]+)", self.path)
        object.__setattr__(self, "_pattern", re.compile(pattern + r"\Z"))

    def match(self, path: str) -> dict[str, str] | None:
        """Return what the path holds, or None if it is another path."""
        found = self._pattern.match(path)
        return found.groupdict() if found else None

    @property
    def allowed(self) -> str:
        """Return the value of an Allow header."""
        return ", ".join(sorted({*self.handlers, *self.django}))


class MethodNotAllowed(CuxError):
    """The path exists, but not with this method."""

    def __init__(self, allowed: str) -> None:
        """Keep what is allowed for the Allow header."""
        super().__init__(Code.METHOD_NOT_ALLOWED)
        self.allowed = allowed


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route with what the path holds; None if Django answers.

    Raises:
        MethodNotAllowed: neither a handler nor Django takes this method here.
    """
    for route in routes:
        params = route.match(path)
        if params is None:
            continue
        if method in route.handlers:
            return route, params
        if method in route.django:
            return None
        raise MethodNotAllowed(route.allowed)
    return None
