"""What both clients share: settings, requests from calls, answers read, streams followed. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from cux import __version__
from cux.client.call import Call, parse
from cux.client.config import Access
from cux.client.errors import CuxConnectionError, CuxError, OutOfStepError, error_in_stream, error_of
from cux.client.retry import RetryPolicy
from cux.client.sse import Event
from cux.client.streams import Reader

T = TypeVar("T")

END_OF_CHAT = b"[DONE]"


def default_headers(access: Access) -> dict[str, str]:
    """Return the headers that every request carries."""
    headers = {"User-Agent": f"cux-python/{__version__}"}
    if access.api_key:
        headers["Authorization"] = f"Bearer {access.api_key}"
    return headers


def build_request(http: httpx.Client | httpx.AsyncClient, call: Call[Any], **headers: str) -> httpx.Request:
    """Return the request for a call, with headers that only this sending of it has."""
    timeout = (
        httpx.USE_CLIENT_DEFAULT if call.timeout_s is None else httpx.Timeout(call.timeout_s, connect=5.0)
    )
    return http.build_request(
        call.method,
        call.path,
        params=call.params or None,
        content=call.body,
        headers=call.headers() | headers,
        timeout=timeout,
    )


def failure_of(response: httpx.Response) -> CuxError | None:
    """Return the error that an answer is (its body has been read); None for a success."""
    if response.is_success:
        return None
    return error_of(response.status_code, response.content, retry_after=response.headers.get("Retry-After"))


def unreachable(http: httpx.Client | httpx.AsyncClient, error: httpx.RequestError) -> CuxConnectionError:
    """Return our own error for a connection that failed."""
    reason = str(error) or type(error).__name__
    return CuxConnectionError(f"{http.base_url} could not be reached: {reason}")


def streamed(event: Event, shape: type[T]) -> T:
    """Return what an event of a stream carries. Raises the CuxAPIError it tells of."""
    error = error_in_stream(event.data)
    if error is not None:
        raise error
    value: T = parse(event.data, shape)
    return value


@dataclass(slots=True)
class Watch(Generic[T]):
    """Where a watched stream stands, so that it goes on after a lost connection."""

    call: Call[Any]
    reader: Reader[T]
    policy: RetryPolicy
    last_id: str | None = None
    _failures: int = 0

    def headers(self) -> dict[str, str]:
        """Return what tells the exchange where to go on."""
        return {"Last-Event-ID": self.last_id} if self.last_id is not None else {}

    def take(self, event: Event) -> T:
        """Return what there is to see after an event. Raises the CuxAPIError it tells of, OutOfStepError."""
        error = error_in_stream(event.data)
        if error is not None:
            raise error
        try:
            value = self.reader.take(event)
        except OutOfStepError:
            self.last_id = None
            raise
        self._failures = 0
        self.last_id = event.id
        return value

    def pause_s(self, error: CuxError) -> float:
        """Return how long to wait before connecting again; raises `error` if that is no use."""
        pause = self.policy.pause_s(self.call, error, self._failures)
        if pause is None:
            raise error
        self._failures += 1
        return pause


OnRequest = Callable[[httpx.Request], None]
"""Is shown every request before it is sent."""
