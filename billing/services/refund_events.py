"""What events about refunds and charges call for, also those of refunds that an operator made at Stripe."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from billing import stripe_gateway as gateway
from billing.models import Refund
from billing.services.deposit_events import after_payment, is_uuid, payment_read
from billing.services.event_types import Apply, Occasion
from billing.services.refund_apply import refund_apply
from billing.services.refund_foreign import refund_foreign


def refund_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a refund as it is now; None: it is of no deposit of ours."""
    return None if occasion.account else _of(gateway.refund_get(occasion.object_id))


def charge_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a charge's payment and all of its refunds as they are now."""
    payment_id = None if occasion.account else gateway.payment_of_charge(occasion.object_id)
    return _all([payment_read(payment_id), *refunds_read(payment_id)]) if payment_id is not None else None


def refunds_read(payment_id: str) -> list[Apply | None]:
    """Return how to apply each of a payment's refunds as it is now."""
    return [_of(refund) for refund in gateway.refunds_of_payment(payment_id)]


def _all(applies: Sequence[Apply | None]) -> Apply:
    def apply(now: datetime) -> None:
        for one in applies:
            if one is not None:
                one(now)

    return apply


def _of(answer: gateway.Refund) -> Apply | None:
    known = _known(answer)
    if known is not None:
        refund_id = known

        def apply(now: datetime) -> None:
            refund_apply(refund_id=refund_id, answer=answer, now=now)

        return apply
    if answer.payment_id is None:
        return None
    return after_payment(
        answer.payment_id,
        lambda deposit_id, now: refund_foreign(deposit_id=deposit_id, answer=answer, now=now),
    )


def _known(answer: gateway.Refund) -> uuid.UUID | None:
    found = Refund.objects.filter(stripe_refund_id=answer.id).values_list("id", flat=True).first()
    named = answer.metadata.get("refund_id", "")
    if found is None and is_uuid(named):
        found = Refund.objects.filter(id=named).values_list("id", flat=True).first()
    return found
