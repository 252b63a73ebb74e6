"""The ASGI application: hot paths go to plain handlers, everything else to Django.

Around both: a request id on every answer and log line, the body limit, the one error shape, and a
count and latency per route.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import structlog
from django.urls import Resolver404, resolve

from api.http import (
    BODY_LIMIT,
    EVENT_STREAM,
    Disconnected,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    Stream,
    error_response,
    event,
    request_id,
)
from api.metrics import observe_request
from api.rate_limits import counted_headers
from api.routing import MethodNotAllowed, Route, find
from core.errors import Code, CuxError
from core.ids import fresh_public_id

log = structlog.get_logger(__name__)

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
STALLED_S: Final = 30.0
"""A stream ends when its reader takes nothing for this long, or up to twice as long; the server's buffers are
full by then."""
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}\Z")
_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


@dataclass
class _Answer:
    """What was sent so far; no status means nothing yet."""

    send: Send
    scope: Scope
    request_id: str
    status: int | None = None
    route: str = "unmatched"

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = counted_headers(self.scope)
            tagged = [*message.get("headers", []), *said, (b"x-request-id", self.request_id.encode())]
            message = {**message, "headers": tagged}
        await self.send(message)


class Application:
    """Routes requests; `on_shutdown` is awaited when the server stops."""

    def __init__(
        self,
        routes: Sequence[Route],
        django: AsgiApp,
        on_shutdown: Callable[[], Awaitable[None]] | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        """Keep the plain routes, Django's application, what to do at the end and the largest body."""
        self._body_limit = body_limit
        self._routes = routes
        self._django = django
        self._on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                if self._on_shutdown is not None:
                    await self._on_shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request = Request(scope, receive)
        answer = _Answer(send, scope, _request_id(request))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=answer.request_id)
        try:
            await self._answer(request, answer)
        except Disconnected:
            answer.status = answer.status or 499
        except Exception as error:
            await _refuse(error, answer)
        finally:
            elapsed_s = time.perf_counter() - started
            observe_request(scope["method"], answer.route, answer.status or 500, elapsed_s)
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                route=answer.route,
                status=answer.status,
                milliseconds=round(elapsed_s * 1000, 1),
            )

    async def _answer(self, request: Request, answer: _Answer) -> None:
        found = find(self._routes, request.method, request.path)
        limit = found[0].body_limit if found else None
        request.receive = _limited(request, limit or self._body_limit)
        if found is None:
            answer.route = _django_route(request.path)
            await self._django(request.scope, request.receive, answer)
            return
        route, request.params = found
        answer.route = route.path
        result = await route.handlers[request.method](request)
        if isinstance(result, Response):
            await _send_response(result, answer)
        else:
            await _send_stream(result, request, answer)


def _request_id(request: Request) -> str:
    given = request.raw_header(b"x-request-id")
    return given.decode() if _REQUEST_ID.match(given) else fresh_public_id("request")


def _django_route(path: str) -> str:
    try:
        return "/" + resolve(path).route
    except Resolver404:
        return "unmatched"


def _limited(request: Request, limit: int) -> Receive:
    """Return a `receive` that refuses a body as soon as it is known to be over the limit."""
    receive, declared = request.receive, request.raw_header(b"content-length")
    seen = int(declared) if declared.isdigit() and int(declared) > limit else 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal seen
        if seen > limit:
            raise CuxError(Code.BODY_TOO_LARGE)
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise CuxError(Code.BODY_TOO_LARGE)
        return message

    return limited


async def _refuse(error: Exception, answer: _Answer) -> None:
    headers = {"Allow": error.allowed} if isinstance(error, MethodNotAllowed) else {}
    if not isinstance(error, CuxError):
        log.error("request_failed", exc_info=error)
        error = CuxError(Code.INTERNAL)
    if answer.status is None:
        await _send_response(error_response(error, headers), answer)


async def _send_response(response: Response, answer: _Answer) -> None:
    await answer(_start(response.status, response.content_type, response.headers, len(response.body)))
    await answer.send({"type": "http.response.body", "body": response.body})


@dataclass(slots=True)
class _Progress:
    """Since when the piece at hand waits for its reader to take it; None between pieces.

    Looked at now and then instead of a timer for each piece: streams send many thousand pieces a second.
    """

    since: float | None = None

    @property
    def has_stalled(self) -> bool:
        """Tell whether the reader takes nothing any more."""
        return self.since is not None and time.monotonic() - self.since > STALLED_S


async def _send_stream(stream: Stream, request: Request, answer: _Answer) -> None:
    await answer(_start(200, stream.content_type, stream.headers, None))
    progress = _Progress()
    pump = asyncio.create_task(_pump(stream, answer.send, progress))
    gone = asyncio.create_task(request.disconnected())
    try:
        while not progress.has_stalled:
            done, _ = await asyncio.wait({pump, gone}, timeout=STALLED_S, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return
        log.info("stream_dropped", reason="the reader takes nothing")
    finally:
        pump.cancel()
        gone.cancel()
        await asyncio.gather(pump, gone, return_exceptions=True)


async def _pump(stream: Stream, send: Send, progress: _Progress) -> None:
    try:
        async with aclosing(stream.chunks) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                progress.since = time.monotonic()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                progress.since = None
    except Exception as error:
        if not isinstance(error, CuxError):
            log.exception("stream_failed")
            error = CuxError(Code.INTERNAL)
        if stream.content_type == EVENT_STREAM:
            last = event(error.body(request_id()), name="error")
            await send({"type": "http.response.body", "body": last, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _start(status: int, content_type: str, headers: Any, length: int | None) -> dict[str, Any]:
    pairs = [(_field_name(name), value.encode()) for name, value in headers.items()]
    if length is not None:
        pairs.append((b"content-length", str(length).encode()))
    all_headers = [(b"content-type", content_type.encode()), *_SAFE_HEADERS, *pairs]
    return {"type": "http.response.start", "status": status, "headers": all_headers}


@cache
def _field_name(name: str) -> bytes:
    return name.lower().encode()
