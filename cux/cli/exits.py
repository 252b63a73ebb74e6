"""What the exit code of `cux` means, and the one place that turns errors into it."""

from enum import IntEnum

import msgspec
import typer

from cux.client.config import ConfigError
from cux.client.errors import (
    AuthenticationError,
    CuxAPIError,
    CuxConnectionError,
    CuxError,
    PermissionDeniedError,
    UnavailableError,
)


class ExitCode(IntEnum):
    """The documented exit codes."""

    OK = 0
    REFUSED = 1
    """The exchange refused, or a check failed."""
    USAGE = 2
    """The command line or the configuration is wrong; nothing was sent."""
    AUTH = 3
    """The API key is missing, revoked, or lacks the scope."""
    UNREACHABLE = 4
    """The exchange, or a part of it, cannot be reached just now."""


class UsageError(Exception):
    """The command line asks for something that makes no sense."""


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (AuthenticationError, ExitCode.AUTH),
    (PermissionDeniedError, ExitCode.AUTH),
    (CuxConnectionError, ExitCode.UNREACHABLE),
    (UnavailableError, ExitCode.UNREACHABLE),
    (ConfigError, ExitCode.USAGE),
    (UsageError, ExitCode.USAGE),
)
_ADVICE = {
    AuthenticationError: "Run cux login, or set CUX_API_KEY, which goes before what cux login stored.",
    CuxConnectionError: "Is the exchange up at this address? Change it with CUX_URL, --url or cux login.",
}


def report(error: Exception, *, as_json: bool) -> typer.Exit:
    """Say on stderr what went wrong and what to do, and return the end of the command."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.REFUSED)
    if as_json:
        typer.echo(msgspec.json.encode({"error": _facts(error)}), err=True)
    else:
        typer.echo(f"Error: {error}", err=True)
        for line in [*_details(error), *_repetition(error, code)]:
            typer.echo(line, err=True)
    return typer.Exit(code)


def _repetition(error: Exception, code: ExitCode) -> list[str]:
    """Say how to repeat a command of which nobody knows whether it was carried out."""
    if code is not ExitCode.UNREACHABLE or not isinstance(error, CuxError) or not error.idempotency_key:
        return []
    return [f"It may have been done. To repeat it safely add: --idempotency-key {error.idempotency_key}"]


def _facts(error: Exception) -> dict[str, str | int | None]:
    key = error.idempotency_key if isinstance(error, CuxError) else None
    if not isinstance(error, CuxAPIError):
        return {"type": type(error).__name__, "message": str(error), "idempotency_key": key}
    return {
        "type": error.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "request_id": error.request_id,
        "status": error.status,
        "idempotency_key": key,
    }


def _details(error: Exception) -> list[str]:
    advice = [text for kind, text in _ADVICE.items() if isinstance(error, kind)]
    if not isinstance(error, CuxAPIError):
        return advice
    if error.code == "missing_scope":
        advice.append("Use a key that has the scope: cux login")
    param = [f"In: {error.param}"] if error.param else []
    return [*param, *advice, *([f"Request: {error.request_id}"] if error.request_id else [])]


HANDLED = (CuxError, UsageError)
"""Errors that end a command with a code of its own; anything else is a defect and shows its traceback."""
