"""An exchange that answers from a script, for tests of the client without a network."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec

from cux.client import AsyncClient, Client, RetryPolicy

AT_ONCE = RetryPolicy(retries=3, first_pause_s=0)
BOOK = {"instrument": "x", "seq": 7, "phase": "continuous", "bids": [[1_990, 5]], "asks": [[2_000, 3]]}
ORDER = {
    "order_id": "ord_1",
    "instrument": "x",
    "side": "buy",
    "type": "limit",
    "tif": "GTC",
    "price_ticks": 2_000,
    "quantity_lots": 5,
    "leaves_lots": 5,
    "cumulative_lots": 0,
    "status": "open",
    "held_nano_usd": 10_000_000,
    "created_at": "2026-08-01T12:00:00Z",
}

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in turn, and what was asked."""

    def __init__(self, *answers: Answer) -> None:
        """Keep the answers, to be given one after the other."""
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Give the next answer."""
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def client(self, **options: Any) -> Client:
        """Return a client that is answered by this script."""
        options = {"retry": AT_ONCE} | options
        return Client("http://exchange", "cux_secret", transport=httpx.MockTransport(self), **options)

    def async_client(self, **options: Any) -> AsyncClient:
        """Return an asynchronous client that is answered by this script."""
        options = {"retry": AT_ONCE} | options
        return AsyncClient("http://exchange", "cux_secret", transport=httpx.MockTransport(self), **options)

    @property
    def keys(self) -> list[str | None]:
        """Return the idempotency keys that came."""
        return [request.headers.get("Idempotency-Key") for request in self.requests]


def ok(body: object) -> httpx.Response:
    """Return a success."""
    return httpx.Response(200, content=msgspec.json.encode(body))


def refused(
    status: int, code: str, *, type: str = "api_error", retry_after: str | None = None
) -> httpx.Response:
    """Return a refusal in the one error shape."""
    error = {"type": type, "code": code, "message": "No.", "param": "price_ticks", "request_id": "req_1"}
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return httpx.Response(status, json={"error": error}, headers=headers)


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks after these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        """Keep the pieces."""
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, then break."""
        yield from self.pieces
        raise httpx.ReadError("connection reset")

    async def __aiter__(self) -> Any:
        """Yield the pieces, then break."""
        for piece in self.pieces:
            yield piece
        raise httpx.ReadError("connection reset")


def stream(*pieces: bytes) -> httpx.Response:
    """Return a stream that ends."""
    return httpx.Response(200, content=b"".join(pieces))


def broken_stream(*pieces: bytes) -> httpx.Response:
    """Return a stream whose connection breaks."""
    return httpx.Response(200, stream=Broken(*pieces))


def sse(body: object, *, event_id: str | None = None, name: str | None = None) -> bytes:
    """Return a server-sent event."""
    lines = [f"id: {event_id}\n".encode()] if event_id else []
    lines += [f"event: {name}\n".encode()] if name else []
    return b"".join([*lines, b"data: ", msgspec.json.encode(body), b"\n\n"])
