"""What events about payments and pages of Stripe's call for."""

import uuid
from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from billing import stripe_gateway as gateway
from billing.models import Deposit
from billing.services.deposit_apply import deposit_apply, deposit_expire
from billing.services.event_types import Apply, Occasion


def payment_intent_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a payment as it is now; None: it pays no deposit of ours."""
    return None if occasion.account else payment_read(occasion.object_id)


def payment_read(payment_id: str) -> Apply | None:
    """Return how to apply this payment to its deposit, if it has one."""
    payment = gateway.payment_get(payment_id)
    deposit_id = _deposit_of(payment)
    if deposit_id is None:
        return None

    def apply(now: datetime) -> None:
        deposit_apply(deposit_id=deposit_id, payment=payment, now=now)

    return apply


def after_payment(payment_id: str, then: Callable[[uuid.UUID, datetime], object]) -> Apply | None:
    """Return how to do what follows from a payment (a dispute, a refund), given its deposit's id.

    Events come in any order: a payment that was not heard of yet is applied first, in the same transaction.
    None: it pays no deposit of ours.
    """
    paid = Deposit.objects.filter(payment_intent_id=payment_id, state=Deposit.State.SUCCEEDED)
    known = paid.values_list("id", flat=True).first()
    payment = gateway.payment_get(payment_id) if known is None else None
    deposit_id = known if payment is None else _deposit_of(payment)
    if deposit_id is None:
        return None

    def apply(now: datetime) -> None:
        if payment is not None:
            deposit_apply(deposit_id=deposit_id, payment=payment, now=now)
        then(deposit_id, now)

    return apply


def checkout_session_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a page as it is now; None: it was opened for nothing of ours, or to save a card."""
    if occasion.account:
        return None
    session = gateway.checkout_get(occasion.object_id)
    if session.payment_id is not None:
        return payment_read(session.payment_id)
    deposit = Deposit.objects.filter(checkout_session_id=session.id).first()
    if deposit is None or session.status != "expired":
        return None
    deposit_id = deposit.id

    def apply(now: datetime) -> None:
        deposit_expire(deposit_id=deposit_id, now=now)

    return apply


def _deposit_of(payment: gateway.Payment) -> uuid.UUID | None:
    """Return the deposit that names this payment, or that the payment names."""
    named = payment.metadata.get("deposit_id", "")
    known = Q(payment_intent_id=payment.id) | (Q(id=named) if is_uuid(named) else Q())
    found = Deposit.objects.filter(known).values_list("id", flat=True)
    return found.first()


def is_uuid(text: str) -> bool:
    """Tell whether metadata holds an id: others may use our account at Stripe too."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
