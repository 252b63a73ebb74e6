"""What can go wrong, as exceptions: the exchange refused, could not be reached, or was not understood.

The exchange answers every failure with one shape, `{"error": {type, code, message, param, request_id}}`;
its codes are listed in `docs/errors.md`.
"""

from typing import Final

import msgspec


class CuxError(Exception):
    """Base of everything this package raises about the exchange."""

    idempotency_key: str | None = None
    """The key of the call that failed: repeated under it, what was done already is not done again."""


class CuxConnectionError(CuxError):
    """The exchange could not be reached, or the connection broke before its answer was complete."""


class OutOfStepError(CuxConnectionError):
    """A stream left something out, or its checksum is not ours: it has to begin again."""


class InvalidAnswerError(CuxError):
    """The answer is not what this version of the client can read."""


class CuxAPIError(CuxError):
    """The exchange refused or failed. `code` is stable, `message` is for people."""

    def __init__(
        self,
        *,
        status: int,
        type: str,
        code: str,
        message: str,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Keep what the exchange said."""
        super().__init__(f"{message} ({code})")
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class InvalidRequestError(CuxAPIError):
    """The request itself is wrong (400, 405, 413, 415, 422): change it before sending it again."""


class AuthenticationError(CuxAPIError):
    """The API key is missing, unknown or revoked (401)."""


class InsufficientFundsError(CuxAPIError):
    """Money or compute is missing (402); nothing moved."""


class PermissionDeniedError(CuxAPIError):
    """The key is known but may not do this (403)."""


class NotFoundError(CuxAPIError):
    """What was named does not exist, or is not yours (404)."""


class ConflictError(CuxAPIError):
    """It does not go with what is already there (409)."""


class RateLimitedError(CuxAPIError):
    """Too much at once (429): wait for `retry_after_s`."""


class UnavailableError(CuxAPIError):
    """A part of the exchange is away just now (503): repeat with the same idempotency key."""


class ServerError(CuxAPIError):
    """The exchange failed (500, 502, 504)."""


_BY_STATUS: Final[dict[int, type[CuxAPIError]]] = {
    401: AuthenticationError,
    402: InsufficientFundsError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
    503: UnavailableError,
}
_BY_TYPE: Final = {
    "authentication_error": 401,
    "insufficient_funds_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "unavailable_error": 503,
    "invalid_request_error": 400,
}
"""The status that stands for a type of error where no HTTP status comes with it: within a stream."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "api_error"
    code: str
    message: str
    param: str | None = None
    request_id: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Said


def error_of(status: int, body: bytes, *, retry_after: str | None = None) -> CuxAPIError:
    """Return the exception for an answer that is not a success, whoever gave it."""
    try:
        said = msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body[:200].decode(errors="replace").strip()
        said = _Said(code=f"http_{status}", message=f"HTTP {status}: {text}" if text else f"HTTP {status}.")
    return _make(status, said, int(retry_after) if retry_after and retry_after.isdigit() else None)


def error_in_stream(data: bytes) -> CuxAPIError | None:
    """Return the exception that a stream's event tells of; None if it tells of none."""
    try:
        said = msgspec.json.decode(data, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _make(_BY_TYPE.get(said.type, 500), said, None)


def _make(status: int, said: _Said, retry_after_s: int | None) -> CuxAPIError:
    fallback = ServerError if status >= 500 else InvalidRequestError
    return _BY_STATUS.get(status, fallback)(
        status=status,
        type=said.type,
        code=said.code,
        message=said.message,
        param=said.param,
        request_id=said.request_id,
        retry_after_s=retry_after_s,
    )
