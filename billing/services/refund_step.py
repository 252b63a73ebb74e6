"""Take a refund as far as it goes: ask Stripe, then apply what it says. Any number of times, by anyone."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from billing import stripe_gateway as gateway
from billing.models import Refund
from billing.services.money_stop import money_is_stopped
from billing.services.refund_apply import refund_apply, refund_fail
from billing.services.while_available import while_available
from core.money import NANO_PER_CENT
from core.retry import transact

_PAUSES_S: Final = (5, 15, 60, 300, 3600)
_KEYS_LIVE: Final = timedelta(hours=20)
"""Stripe forgets a key after a day: from here on, what an earlier question did is looked for first."""
_BATCH: Final = 100


def refunds_reconcile(*, now: datetime) -> int:
    """This function will take unfinished refunds that are due one step on; return how many changed."""
    under_way = [Refund.State.HELD, Refund.State.PENDING]
    due = Refund.objects.filter(state__in=under_way, next_step_at__lte=now)
    ids = list(due.order_by("next_step_at").values_list("id", flat=True)[:_BATCH])
    return while_available(ids, lambda row: refund_step(refund_id=row, now=now), name="refunds")


def refund_step(*, refund_id: uuid.UUID, now: datetime) -> bool:
    """This function will take a refund one step on and return whether it changed.

    One that waits for money from the wallet, or is finished, stays as it is; so does, while money is stopped,
    one that Stripe knows nothing of.

    Raises:
        Unavailable, Misconfigured: Stripe was asked and did not say; the step is due again shortly.
    """
    refund = Refund.objects.select_related("deposit").get(id=refund_id)
    if refund.state not in (Refund.State.HELD, Refund.State.PENDING):
        return False
    pause = timedelta(seconds=_PAUSES_S[min(refund.steps, len(_PAUSES_S) - 1)])
    Refund.objects.filter(id=refund_id).update(steps=refund.steps + 1, next_step_at=now + pause)
    try:
        answer = _ask(refund, now)
    except gateway.Refused as refused:
        refusal = refused
    else:
        if answer is None:
            return False
        return transact(lambda: refund_apply(refund_id=refund_id, answer=answer, now=now))
    return transact(lambda: _refused(refund, refusal, now))


def _ask(refund: Refund, now: datetime) -> gateway.Refund | None:
    """Return the refund as Stripe has it, made now if need be; None: there is none, and money is stopped."""
    if refund.stripe_refund_id is not None:
        return gateway.refund_get(refund.stripe_refund_id)
    payment_id = str(refund.deposit.payment_intent_id)
    is_stopped = money_is_stopped()
    if is_stopped or refund.attempt > 1 or refund.created_at < now - _KEYS_LIVE:
        for made in gateway.refunds_of_payment(payment_id):
            if made.metadata.get("refund_id") == str(refund.id):
                return made
    if is_stopped:
        return None
    try:
        return gateway.refund_create(
            key=f"refund:{refund.id}:create:{refund.attempt}",
            payment_id=payment_id,
            amount_cents=refund.card_nano_usd // NANO_PER_CENT,
            metadata={"refund_id": str(refund.id)},
        )
    except gateway.Unavailable as unavailable:
        if unavailable.is_kept:
            rows = Refund.objects.filter(id=refund.id, attempt=refund.attempt)
            rows.update(attempt=refund.attempt + 1)
        raise


def _refused(refund: Refund, refused: gateway.Refused, now: datetime) -> bool:
    row = Refund.objects.select_for_update(no_key=True, of=("self",)).get(id=refund.id)
    if row.state != Refund.State.HELD or row.stripe_refund_id is not None:
        return False
    refund_fail(row, refused.code, "The payment service refused this refund.", now)
    row.save()
    return True
