"""Disputes (chargebacks)."""

from dataclasses import dataclass
from datetime import datetime

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, id_of, moment
from billing.stripe_gateway.money import BalanceTransaction, balance_transaction


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute. `status` is Stripe's (`needs_response`, `under_review`, `won`, `lost`, `warning_…`).

    `movements` are what it took from our balance and gave back: negative amounts at its opening.
    """

    id: str
    status: str
    reason: str
    amount_cents: int
    currency: str
    charge_id: str | None
    payment_id: str | None
    created_at: datetime | None
    evidence_due_by: datetime | None
    movements: tuple[BalanceTransaction, ...]


def dispute_get(dispute_id: str) -> Dispute:
    """Return a dispute as it is now. Raises as `asking`."""
    return _dispute(asking(lambda: v1().disputes.retrieve(dispute_id)).to_dict())


def dispute_close(dispute_id: str, *, key: str) -> Dispute:
    """Accept a dispute as lost. Raises as `asking`."""
    return _dispute(asking(lambda: v1().disputes.close(dispute_id, {}, options(key))).to_dict())


def disputes_of_payment(payment_id: str) -> list[Dispute]:
    """Return a payment's disputes, newest first. Raises as `asking`."""
    found = asking(lambda: v1().disputes.list({"payment_intent": payment_id, "limit": 100})).to_dict()
    return [_dispute(fields) for fields in found["data"]]


def _dispute(fields: Fields) -> Dispute:
    return Dispute(
        id=fields["id"],
        status=fields["status"],
        reason=fields.get("reason") or "",
        amount_cents=fields["amount"],
        currency=fields["currency"],
        charge_id=id_of(fields.get("charge")),
        payment_id=id_of(fields.get("payment_intent")),
        created_at=moment(fields.get("created")),
        evidence_due_by=moment((fields.get("evidence_details") or {}).get("due_by")),
        movements=tuple(balance_transaction(row) for row in fields.get("balance_transactions") or ()),
    )
