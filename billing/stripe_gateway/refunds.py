"""Refunds to the card that paid."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, id_of, metadata_of


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund. `status`: `pending`, `requires_action`, `succeeded`, `failed` (also later), `canceled`."""

    id: str
    status: str
    amount_cents: int
    currency: str
    payment_id: str | None
    charge_id: str | None
    failure_reason: str
    metadata: Mapping[str, str]


def refund_create(*, key: str, payment_id: str, amount_cents: int, metadata: Mapping[str, str]) -> Refund:
    """Refund a part of a payment. Raises as `asking`."""
    params = {"payment_intent": payment_id, "amount": amount_cents, "metadata": dict(metadata)}
    return _refund(asking(lambda: v1().refunds.create(params, options(key))).to_dict())


def refund_get(refund_id: str) -> Refund:
    """Return a refund as it is now. Raises as `asking`."""
    return _refund(asking(lambda: v1().refunds.retrieve(refund_id)).to_dict())


def refunds_of_payment(payment_id: str) -> list[Refund]:
    """Return a payment's refunds, newest first, at most 100. Raises as `asking`."""
    params = {"payment_intent": payment_id, "limit": 100}
    found = asking(lambda: v1().refunds.list(params)).to_dict()
    return [_refund(fields) for fields in found["data"]]


def _refund(fields: Fields) -> Refund:
    return Refund(
        id=fields["id"],
        status=fields["status"],
        amount_cents=fields["amount"],
        currency=fields["currency"],
        payment_id=id_of(fields.get("payment_intent")),
        charge_id=id_of(fields.get("charge")),
        failure_reason=fields.get("failure_reason") or "",
        metadata=metadata_of(fields),
    )
