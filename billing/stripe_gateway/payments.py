"""PaymentIntents and their charges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, id_of, metadata_of

_EXPAND: Final = ["latest_charge.balance_transaction"]


@dataclass(frozen=True, slots=True)
class Charge:
    """Money taken from a card. `fee_cents` is Stripe's fee, None until Stripe has booked the charge."""

    id: str
    amount_cents: int
    refunded_cents: int
    fee_cents: int | None
    balance_transaction_id: str | None
    fingerprint: str
    brand: str
    last4: str
    country: str
    address: Mapping[str, str | None]
    is_disputed: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """A PaymentIntent with its last charge.

    `status` is Stripe's: `requires_payment_method`, `requires_action`, `processing`, `succeeded`,
    `canceled`, … `action_url` is where the card's owner has to confirm, `failure_*` why the last try failed.
    """

    id: str
    status: str
    amount_cents: int
    received_cents: int
    currency: str
    customer_id: str | None
    payment_method_id: str | None
    charge: Charge | None
    action_url: str
    failure_code: str
    failure_message: str
    metadata: Mapping[str, str]
    is_live: bool


def payment_create(
    *,
    key: str,
    amount_cents: int,
    customer_id: str,
    payment_method_id: str,
    description: str,
    metadata: Mapping[str, str],
) -> Payment:
    """Charge a saved card while its owner is away. Raises as `asking`."""
    params = {
        "amount": amount_cents,
        "currency": "usd",
        "customer": customer_id,
        "payment_method": payment_method_id,
        "allowed_payment_method_types": ["card"],
        "capture_method": "automatic",  # booked at once, so that the fee is known
        "confirm": True,
        "off_session": True,
        "description": description,
        "metadata": dict(metadata),
        "expand": _EXPAND,
    }
    return _payment(asking(lambda: v1().payment_intents.create(params, options(key))).to_dict())


def payment_get(payment_id: str) -> Payment:
    """Return a payment as it is now. Raises as `asking`."""
    params = {"expand": _EXPAND}
    return _payment(asking(lambda: v1().payment_intents.retrieve(payment_id, params)).to_dict())


def payment_cancel(payment_id: str, *, key: str) -> Payment:
    """Cancel a payment that has not succeeded. Raises as `asking`."""
    params = {"expand": _EXPAND}
    return _payment(asking(lambda: v1().payment_intents.cancel(payment_id, params, options(key))).to_dict())


def payments_of_customer(customer_id: str) -> list[Payment]:
    """Return the customer's newest payments, at most 100: to find one whose making was not answered."""
    params = {"customer": customer_id, "limit": 100, "expand": [f"data.{path}" for path in _EXPAND]}
    found = asking(lambda: v1().payment_intents.list(params)).to_dict()
    return [_payment(fields) for fields in found["data"]]


def payment_of_charge(charge_id: str) -> str | None:
    """Return the payment's id that a charge belongs to. Raises as `asking`."""
    return id_of(asking(lambda: v1().charges.retrieve(charge_id)).to_dict().get("payment_intent"))


def _payment(fields: Fields) -> Payment:
    failure = fields.get("last_payment_error") or {}
    redirect = (fields.get("next_action") or {}).get("redirect_to_url") or {}
    charge = fields.get("latest_charge")
    return Payment(
        id=fields["id"],
        status=fields["status"],
        amount_cents=fields["amount"],
        received_cents=fields.get("amount_received") or 0,
        currency=fields["currency"],
        customer_id=id_of(fields.get("customer")),
        payment_method_id=id_of(fields.get("payment_method")),
        charge=_charge(charge) if isinstance(charge, Mapping) else None,
        action_url=redirect.get("url") or "",
        failure_code=failure.get("decline_code") or failure.get("code") or "",
        failure_message=failure.get("message") or "",
        metadata=metadata_of(fields),
        is_live=bool(fields.get("livemode")),
    )


def _charge(fields: Fields) -> Charge:
    card = (fields.get("payment_method_details") or {}).get("card") or {}
    booked = fields.get("balance_transaction")
    return Charge(
        id=fields["id"],
        amount_cents=fields["amount"],
        refunded_cents=fields.get("amount_refunded") or 0,
        fee_cents=booked["fee"] if isinstance(booked, Mapping) else None,
        balance_transaction_id=id_of(booked),
        fingerprint=card.get("fingerprint") or "",
        brand=card.get("brand") or "",
        last4=card.get("last4") or "",
        country=card.get("country") or "",
        address=(fields.get("billing_details") or {}).get("address") or {},
        is_disputed=bool(fields.get("disputed")),
    )
