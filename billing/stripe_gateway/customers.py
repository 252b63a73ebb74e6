"""Customers and their saved cards."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, given, id_of, metadata_of


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose cards they are; one per organisation."""

    id: str
    default_payment_method_id: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A saved card. The same card has the same `fingerprint`, whoever saved it."""

    id: str
    customer_id: str | None
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str
    fingerprint: str


def customer_create(
    *, key: str, name: str, metadata: Mapping[str, str], email: str | None = None
) -> Customer:
    """Make a customer. Raises as `asking`."""
    params = given(name=name, email=email, metadata=dict(metadata))
    return _customer(asking(lambda: v1().customers.create(params, options(key))).to_dict())


def customer_get(customer_id: str) -> Customer:
    """Return a customer. Raises as `asking`."""
    return _customer(asking(lambda: v1().customers.retrieve(customer_id)).to_dict())


def customer_set_default(customer_id: str, payment_method_id: str) -> Customer:
    """Have this saved card be the customer's first choice; again: no effect. Raises as `asking`."""
    params = {"invoice_settings": {"default_payment_method": payment_method_id}}
    return _customer(asking(lambda: v1().customers.update(customer_id, params)).to_dict())


def payment_methods_list(customer_id: str) -> list[PaymentMethod]:
    """Return the customer's saved cards, newest first, at most 100. Raises as `asking`."""
    params = {"type": "card", "limit": 100}
    found = asking(lambda: v1().customers.payment_methods.list(customer_id, params)).to_dict()
    return [_payment_method(fields) for fields in found["data"]]


def payment_method_get(payment_method_id: str) -> PaymentMethod:
    """Return a saved card. Raises as `asking`."""
    return _payment_method(asking(lambda: v1().payment_methods.retrieve(payment_method_id)).to_dict())


def payment_method_detach(payment_method_id: str) -> PaymentMethod:
    """Forget a saved card for good. Raises as `asking`; Refused if it was forgotten before."""
    return _payment_method(asking(lambda: v1().payment_methods.detach(payment_method_id)).to_dict())


def setup_get(setup_id: str) -> tuple[str | None, str | None]:
    """Return customer and saved card of a SetupIntent; no card until it has succeeded. Raises as `asking`."""
    fields = asking(lambda: v1().setup_intents.retrieve(setup_id)).to_dict()
    saved = id_of(fields.get("payment_method")) if fields["status"] == "succeeded" else None
    return id_of(fields.get("customer")), saved


def _customer(fields: Fields) -> Customer:
    settings = fields.get("invoice_settings") or {}
    return Customer(
        id=fields["id"],
        default_payment_method_id=id_of(settings.get("default_payment_method")),
        metadata=metadata_of(fields),
    )


def _payment_method(fields: Fields) -> PaymentMethod:
    card = fields.get("card") or {}
    return PaymentMethod(
        id=fields["id"],
        customer_id=id_of(fields.get("customer")),
        brand=card.get("brand") or "",
        last4=card.get("last4") or "",
        exp_month=card.get("exp_month") or 0,
        exp_year=card.get("exp_year") or 0,
        country=card.get("country") or "",
        fingerprint=card.get("fingerprint") or "",
    )
