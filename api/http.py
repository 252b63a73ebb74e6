"""Small helpers for the handlers that run as plain ASGI, past Django.

A handler is `async def handler(request: Request) -> Response | Stream`; it raises `CuxError` to refuse.
`api.application` calls it, sends what it returns and turns every error into the one shape.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
import structlog

from core.errors import Code, CuxError
from core.ids import fresh_public_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
T = TypeVar("T")

BODY_LIMIT: Final = 1024 * 1024
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
NDJSON: Final = "application/x-ndjson"
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_INT64_MAX: Final = 2**63 - 1
_PATH = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")


class Disconnected(Exception):
    """The caller went away before the body was complete."""


def checked_key(key: str | None) -> str | None:
    """Return an Idempotency-Key. Raises CuxError INVALID_FIELD as `Request.idempotency_key`."""
    if key is not None and not _KEY.match(key):
        raise CuxError(
            Code.INVALID_FIELD,
            "An Idempotency-Key is 1 to 255 printable ASCII characters.",
            param="Idempotency-Key",
        )
    return key


@dataclass(slots=True)
class Request:
    """One HTTP request: its ASGI parts and what the path held."""

    scope: Scope
    receive: Receive
    params: Mapping[str, str] = field(default_factory=dict)
    _headers: dict[bytes, bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the headers by name, of a repeated one the first."""
        self._headers = dict(reversed(self.scope["headers"]))

    @property
    def method(self) -> str:
        """Return the method in capitals."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """Return the path, decoded."""
        return str(self.scope["path"])

    def header(self, name: str) -> str | None:
        """Return a header's value by its lower-case name, or None."""
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def raw_header(self, name: bytes) -> bytes:
        """Return a header's value by its lower-case name as it came; nothing if there is none."""
        return self._headers.get(name, b"")

    @property
    def query(self) -> dict[str, str]:
        """Return the query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    def idempotency_key(self) -> str | None:
        """Return the caller's Idempotency-Key, if there is one.

        Raises:
            CuxError: INVALID_FIELD, not 1 to 255 printable ASCII characters without spaces.
        """
        return checked_key(self.header("idempotency-key"))

    async def body(self) -> bytes:
        """Return the whole body; the application refuses one over `BODY_LIMIT` while it arrives.

        Raises:
            Disconnected: the caller went away first.
        """
        chunks: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(chunks) if len(chunks) > 1 else chunks[0]

    async def disconnected(self) -> None:
        """Return when the caller has gone away; read the body first."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def json_body(self) -> bytes:
        """Return the body of a request that must be JSON.

        Raises:
            CuxError: UNSUPPORTED_MEDIA_TYPE, the body says it is something else.
        """
        declared = self.header("content-type") or JSON
        if declared != JSON and declared.partition(";")[0].strip().lower() != JSON:
            raise CuxError(Code.UNSUPPORTED_MEDIA_TYPE)
        return await self.body()


@dataclass(slots=True)
class Response:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """An answer sent piece by piece; when the caller goes away the iterator is closed."""

    chunks: AsyncIterator[bytes]
    content_type: str = EVENT_STREAM
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value (structs, dicts, …) as a JSON answer."""
    return Response(status=status, body=msgspec.json.encode(value), headers=headers or {})


def event(data: object, *, name: str | None = None, event_id: str | None = None) -> bytes:
    """Return one server-sent event with JSON data."""
    lines = [b"event: " + name.encode()] if name else []
    lines += [b"id: " + event_id.encode()] if event_id else []
    return b"\n".join([*lines, b"data: " + msgspec.json.encode(data), b"", b""])


def request_id() -> str:
    """Return the id of the request being answered; a fresh one outside of any request."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return str(bound) if bound else fresh_public_id("request")


def error_headers(error: CuxError) -> dict[str, str]:
    """Return the headers that go with an error: when to retry, how to authenticate."""
    headers = {}
    if error.status in {429, 503}:
        headers["Retry-After"] = str(error.retry_after_s or 1)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="cux"'
    return headers


def error_response(error: CuxError, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as the one shape."""
    return json_response(
        error.body(request_id()), status=error.status, headers={**error_headers(error), **(headers or {})}
    )


def parse_json(body: bytes, shape: type[T]) -> T:
    """Return `body` parsed and checked as `shape`.

    Raises:
        CuxError: MALFORMED_JSON, NUMBER_TOO_LARGE, or INVALID_FIELD with the field as `param`.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as refused:
        raise _invalid(str(refused), body) from refused
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise CuxError(Code.MALFORMED_JSON) from refused


def _invalid(message: str, body: bytes) -> CuxError:
    found = _PATH.search(message)
    named = _FIELD.search(message)
    param = ".".join(
        part for part in (found["path"] if found else "", named["name"] if named else "") if part
    )
    code = Code.NUMBER_TOO_LARGE if _too_large(field_value(body, param)) else Code.INVALID_FIELD
    return CuxError(code, _PATH.sub("", message) + ".", param=param or None)


def _too_large(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) > _INT64_MAX


def field_value(body: bytes, param: str) -> object:
    """Return what a refused body holds at the top-level field `param`; None if it holds nothing there."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value.get(param) if isinstance(value, dict) else None


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Return what `work` returns; the request's body has been read.

    Raises:
        Disconnected: the caller went away first; `work` was cancelled.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.disconnected())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Disconnected
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)
