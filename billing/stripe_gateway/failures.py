"""What can become of a call to Stripe, if not an answer: a small closed set.

`Unavailable` leaves open whether the call had its effect; the others mean that it had none.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import stripe
import structlog
from django.conf import settings
from django.db import connection

from core.errors import Code, CuxError

log = structlog.get_logger(__name__)

T = TypeVar("T")
_KEY_IN_USE: Final = 409


class Declined(Exception):
    """The bank or Stripe turned the card down. `message` is for people, `code` says why."""

    def __init__(self, code: str, message: str, payment_id: str | None = None) -> None:
        """Keep the reason, and the payment that was tried, if there is one."""
        self.code, self.message, self.payment_id = code, message, payment_id
        super().__init__(f"{code}: {message}")


class Refused(Exception):
    """Stripe answered that this cannot be done; nothing was."""

    def __init__(self, code: str, message: str) -> None:
        """Keep Stripe's code (such as `charge_already_refunded`) and words."""
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


class Misconfigured(CuxError):
    """Our key, our rights or our use of an idempotency key are wrong: an operator or a developer must act."""

    def __init__(self, message: str) -> None:
        """Log what Stripe says, which is not for those who asked us."""
        log.error("stripe_misconfigured", reason=message)
        super().__init__(Code.DEPENDENCY_UNAVAILABLE)


class Unavailable(CuxError):
    """No answer, or one that says nothing: the call may have had its effect, or not.

    If `is_kept`, the same idempotency key brings the same answer again (Stripe keeps a 500 under it): look
    for the effect, and only if there is none ask under another key. Otherwise repeat under the same key.
    """

    def __init__(self, *, is_kept: bool) -> None:
        """Keep whether the answer stays."""
        super().__init__(
            Code.DEPENDENCY_UNAVAILABLE, "The payment service does not answer; try again.", retry_after_s=5
        )
        self.is_kept = is_kept


def asking(call: Callable[[], T]) -> T:
    """Return what `call` returns.

    Raises:
        Declined, Refused, Misconfigured, Unavailable: and nothing else of Stripe's.
        RuntimeError: a transaction is open, whose locks would wait for Stripe.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Expected no transaction around a call to Stripe")
    if settings.DATABASE_POOL:
        connection.close()  # back to the pool: whoever waits for Stripe needs none
    try:
        return call()
    except stripe.StripeError as error:
        raise _translated(error) from error


def _translated(error: stripe.StripeError) -> Exception:
    if isinstance(error, stripe.CardError):
        return _declined(error)
    if isinstance(error, stripe.InvalidRequestError):
        return Refused(error.code or "invalid_request", error.user_message or "")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError | stripe.IdempotencyError):
        return Misconfigured(error.user_message or type(error).__name__)
    answered = error.http_status is not None and not isinstance(error, stripe.RateLimitError)
    return Unavailable(is_kept=answered and error.http_status != _KEY_IN_USE)


def _declined(error: stripe.CardError) -> Declined:
    said: dict[str, Any] = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
    payment = said.get("payment_intent") or {}
    code = said.get("decline_code") or error.code or "card_declined"
    return Declined(code, error.user_message or "The card was declined.", payment.get("id"))
