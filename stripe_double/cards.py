"""Stripe's test cards, and what each of them does."""

import hashlib
from dataclasses import dataclass
from typing import Any

from stripe_double.errors import StripeError, malformed


@dataclass(frozen=True)
class Card:
    """How a card behaves; `decline` is (code, decline_code)."""

    label: str
    decline: tuple[str, str | None] | None = None
    # Declines when it is first used or saved (False), or only when it is charged.
    decline_on_save: bool = True
    # Asks for authentication: never, until it was set up, or each time.
    authenticate: str = "never"
    dispute: str | None = None
    refund: str = "succeeded"
    available_at_once: bool = False


def _declined(label: str, code: str, decline_code: str | None = None) -> Card:
    return Card(label, decline=(code, decline_code))


CARDS: dict[str, Card] = {
    "4242424242424242": Card("Succeeds"),
    "5555555555554444": Card("Succeeds (Mastercard)"),
    "378282246310005": Card("Succeeds (American Express)"),
    "4000000000000077": Card("Succeeds, the money is available at once", available_at_once=True),
    "4000000000000002": _declined("Declined", "card_declined", "generic_decline"),
    "4000000000009995": _declined("Insufficient funds", "card_declined", "insufficient_funds"),
    "4000000000009987": _declined("Lost card", "card_declined", "lost_card"),
    "4000000000009979": _declined("Stolen card", "card_declined", "stolen_card"),
    "4100000000000019": _declined("Blocked as fraudulent", "card_declined", "fraudulent"),
    "4000000000000069": _declined("Expired card", "expired_card"),
    "4000000000000127": _declined("Wrong CVC", "incorrect_cvc"),
    "4000000000000119": _declined("Processing error", "processing_error"),
    "4000000000000341": Card(
        "Can be saved, is declined when charged",
        decline=("card_declined", "generic_decline"),
        decline_on_save=False,
    ),
    "4000002500003155": Card("Asks for authentication until it is saved", authenticate="until_set_up"),
    "4000002760003184": Card("Always asks for authentication", authenticate="always"),
    "4000000000000259": Card("Succeeds, then disputed as fraudulent", dispute="fraudulent"),
    "4000000000002685": Card("Succeeds, then disputed: not received", dispute="product_not_received"),
    "4000000000007726": Card("Succeeds; its refunds are pending first", refund="pending"),
    "4000000000005126": Card("Succeeds; its refunds fail later", refund="fails"),
}

# Ready payment methods that may be named instead of a card.
READY = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedFraudulent": "4100000000000019",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

_MESSAGES = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "insufficient_funds": "Your card has insufficient funds.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def card_of(number: str) -> Card:
    """Return how a card behaves; a number that is none of the test cards' succeeds like 4242…"""
    return CARDS.get(number, CARDS["4242424242424242"])


def checked_number(number: str, param: str) -> str:
    """Return a card's digits. Raises StripeError (402 `incorrect_number`) if they are no card's."""
    digits = number.replace(" ", "")
    if not digits.isdecimal():
        raise malformed("Your card number is invalid.", param, "invalid_number")
    if not 12 <= len(digits) <= 19 or not _luhn(digits):
        raise StripeError(
            402, "card_error", "Your card number is incorrect.", code="incorrect_number", param=param
        )
    return digits


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def brand(number: str) -> str:
    """Return the card's brand."""
    if number.startswith(("34", "37")):
        return "amex"
    return "mastercard" if number.startswith("5") else "visa"


def fingerprint(number: str) -> str:
    """Return what is the same for the same card or bank account, whoever uses it: 16 letters."""
    return hashlib.sha256(f"fingerprint {number}".encode()).hexdigest()[:16]


def card_error(code: str, decline_code: str | None, **more: Any) -> StripeError:
    """Return the error of a declined card."""
    message = _MESSAGES.get(decline_code or code) or _MESSAGES.get(code) or "Your card was declined."
    return StripeError(
        402,
        "card_error",
        message,
        code=code,
        decline_code=decline_code,
        doc_url=f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        **more,
    )
