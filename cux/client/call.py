"""A call as a value: what to send and how to read the answer. Both clients send the same values."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec

from cux.client.errors import InvalidAnswerError
from cux.client.views import Page

T = TypeVar("T")

WATCH_TIMEOUT_S: Final = 45.0
"""The exchange sends a heartbeat every ten seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request to the exchange. Sending it again is the same request, under the same key."""

    method: str
    path: str
    shape: type[T]
    """What the body of a success is; `bytes` keeps it as it came."""
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    idempotency_key: str | None = None
    one_time_code: str | None = None
    """A fresh code of an owner's authenticator, where money's way out is changed."""
    changes_nothing: bool = False
    """A POST that may be repeated without a key, as if it were a GET."""
    timeout_s: float | None = None
    """How long to wait for the next byte of the answer; None: the client's own limit."""

    @property
    def is_repeatable(self) -> bool:
        """Tell whether sending it twice does no more than sending it once."""
        return self.method == "GET" or self.changes_nothing or self.idempotency_key is not None

    def headers(self) -> dict[str, str]:
        """Return the headers of the call itself."""
        headers = {"Content-Type": self.content_type} if self.body is not None else {}
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        if self.one_time_code is not None:
            headers["X-CUX-One-Time-Code"] = self.one_time_code
        return headers

    def parse(self, content: bytes) -> T:
        """Return the body of a success. Raises InvalidAnswerError."""
        return content if self.shape is bytes else parse(content, self.shape)  # type: ignore[return-value]


def get(path: str, shape: type[T], **params: object) -> Call[T]:
    """Return a call that reads; parameters that are None are left out."""
    return Call(method="GET", path=path, shape=shape, params=_texts(params))


def watch(path: str, shape: type[T], **params: object) -> Call[T]:
    """Return a call for a stream that does not end; one that is silent for long has died."""
    return Call(method="GET", path=path, shape=shape, params=_texts(params), timeout_s=WATCH_TIMEOUT_S)


def write(
    method: str,
    path: str,
    shape: type[T],
    *,
    body: object = None,
    params: Mapping[str, object] | None = None,
    idempotency_key: str | None,
    one_time_code: str | None = None,
    timeout_s: float | None = None,
) -> Call[T]:
    """Return a call that changes something, under the given key or a fresh one."""
    return Call(
        method=method,
        path=path,
        shape=shape,
        params=_texts(params or {}),
        body=None if body is None else msgspec.json.encode(body),
        idempotency_key=idempotency_key or uuid.uuid4().hex,
        one_time_code=one_time_code,
        timeout_s=timeout_s,
    )


def segment(text: str) -> str:
    """Return a caller's text as one segment of a path."""
    return quote(text, safe="")


def next_page(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """Return the call for the page after this one; None if it is the last."""
    if not page.has_more or page.next_cursor is None:
        return None
    return replace(call, params={**call.params, "cursor": page.next_cursor})


def parse(content: bytes, shape: Any) -> Any:
    """Return JSON read as `shape`. Raises InvalidAnswerError."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidAnswerError(f"The answer could not be read: {error}") from error


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value is not None}
