"""Errors as Stripe sends them: a status and the body's `error` object."""

from typing import Any


class StripeError(Exception):
    """What Stripe answers instead of a result; `saved` false: no idempotency key remembers it."""

    def __init__(self, status: int, kind: str, message: str, *, saved: bool = True, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        present = {name: value for name, value in fields.items() if value is not None}
        self.error: dict[str, Any] = {"type": kind, "message": message, **present}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """Return a 400 for a request that is understood and cannot be done."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code)


def malformed(message: str, param: str, code: str | None) -> StripeError:
    """Return a 400 for a parameter that fails validation, before anything was executed."""
    return StripeError(400, "invalid_request_error", message, saved=False, param=param, code=code)


def no_such(kind: str, identifier: str, param: str = "id", status: int = 404) -> StripeError:
    """Return `resource_missing` for an object that is not there (400 where a parameter names it)."""
    message = f"No such {kind.replace('_', ' ')}: '{identifier}'"
    return StripeError(status, "invalid_request_error", message, param=param, code="resource_missing")


def unexpected_state(code: str, message: str, **fields: Any) -> StripeError:
    """Return a 400 for an object whose status does not allow the request."""
    return StripeError(400, "invalid_request_error", message, code=code, **fields)
