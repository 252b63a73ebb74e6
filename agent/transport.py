"""The one way to speak HTTP: requests, streamed uploads and answers, and two kinds of failure."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
import msgspec

from agent.uploading import UploadBrokenError, send_lines

CONNECT_S = 5.0
READ_S = 30.0
WRITE_S = 30.0
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ERROR_BYTES = 65_536


class TransportError(Exception):
    """The other side was not reached, broke off, or asks to come back later: try again."""


class RefusedError(Exception):
    """The other side answered, and the answer is no: trying again would change nothing."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.status = status
        self.code = code
        self.message = message


class _ErrorDetail(msgspec.Struct):
    message: str = ""
    code: str | int | None = None
    param: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


class Transport:
    """An HTTP client for one origin, with a bearer token; connections are kept and reused.

    Proxies of the environment are used, except towards this host itself.
    """

    def __init__(self, origin: str, *, token: str | None = None) -> None:
        self.origin = origin.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S, write=WRITE_S, pool=None),
            limits=httpx.Limits(max_connections=None),
            trust_env=urlsplit(self.origin).hostname not in LOOPBACK,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, *, read_s: float = READ_S) -> bytes:
        """Return the body of the answer to a GET; raises TransportError or RefusedError."""
        async with self.open("GET", path, read_s=read_s) as answer:
            return await _body(answer)

    async def post(self, path: str, message: object, *, read_s: float = READ_S) -> bytes:
        """Send `message` as JSON and return the answer's body; raises TransportError or RefusedError."""
        async with self.open("POST", path, content=msgspec.json.encode(message), read_s=read_s) as answer:
            return await _body(answer)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        read_s: float = READ_S,
    ) -> AsyncIterator[httpx.Response]:
        """Hold a 2xx answer open while its body is read; leaving the block closes the connection's stream.

        Raises RefusedError for an answer that is final, TransportError for anything worth another attempt,
        a break inside the block included.
        """
        timeout = httpx.Timeout(READ_S, connect=CONNECT_S, write=WRITE_S, read=read_s, pool=None)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            async with self._client.stream(
                method, self.origin + path, content=content, headers=headers, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    raise _failure(answer.status_code, await _body(answer))
                yield answer
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise TransportError(f"{self.origin}: {error or type(error).__name__}") from error


async def upload(url: str, *, token: str, lines: AsyncIterator[bytes]) -> bytes:
    """Stream `lines` up as NDJSON and return the answer's body; raises TransportError or RefusedError.

    The other side may answer before the last line; nothing more is sent then.
    """
    try:
        status, body = await send_lines(url, token=token, lines=lines)
    except UploadBrokenError as error:
        raise TransportError(str(error)) from error
    if not httpx.codes.is_success(status):
        raise _failure(status, body)
    return body


async def _body(answer: httpx.Response) -> bytes:
    return await answer.aread()


def _failure(status: int, body: bytes) -> Exception:
    try:
        detail = msgspec.json.decode(body[:ERROR_BYTES], type=_ErrorBody).error
    except msgspec.MsgspecError:
        detail = _ErrorDetail(message=body[:200].decode(errors="replace"))
    if status in RETRIED_STATUSES:
        return TransportError(f"answered {status}: {detail.message}")
    field = f" In: {detail.param}" if detail.param else ""
    return RefusedError(status, str(detail.code or "unknown"), detail.message + field)
