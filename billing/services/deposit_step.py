"""Take a deposit as far as it goes: ask Stripe, then apply what it says. Any number of times, by anyone.

No transaction is open while Stripe is asked; each question carries a key of the deposit, so that a
repetition, by two at once or after a crash anywhere, is the same question.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.models import Deposit
from billing.services.checkout_start import checkout_start
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_apply import attempt_next, deposit_apply, deposit_expire, deposit_fail
from billing.services.money_stop import money_is_stopped
from core.money import NANO_PER_CENT

_PAUSES_S: Final = (5, 10, 30, 60, 300, 900)
"""Between looks at an unfinished deposit; webhooks are quicker."""
GIVE_UP_AFTER: Final = timedelta(hours=1)
"""A card is not charged later than this after its owner asked; Stripe forgets keys after a day."""
ACTION_WITHIN: Final = timedelta(hours=24)


def deposit_step(*, deposit_id: uuid.UUID, now: datetime) -> bool:
    """This function will take a deposit one step on and return whether it changed; a finished one stays.

    Raises:
        Unavailable, Misconfigured: Stripe was asked and did not say; the step is due again shortly.
    """
    deposit = Deposit.objects.get(id=deposit_id)
    if deposit.state not in Deposit.UNFINISHED:
        return False
    _schedule(deposit, now)
    try:
        if deposit.method == Deposit.Method.CHECKOUT:
            return _on_page(deposit, now)
        return _by_card(deposit, now)
    except gateway.Declined as declined:
        return _failed(deposit, declined.code, declined.message, now, payment_id=declined.payment_id)
    except gateway.Refused as refused:
        return _failed(deposit, refused.code, "The payment service refused this payment.", now)


def _on_page(deposit: Deposit, now: datetime) -> bool:
    if deposit.checkout_session_id is None:
        return checkout_start(deposit=deposit, now=now)
    session = gateway.checkout_get(deposit.checkout_session_id)
    if session.payment_id is not None and session.status != "expired":
        return _apply(deposit, gateway.payment_get(session.payment_id), now)
    return session.status == "expired" and deposit_expire(deposit_id=deposit.id, now=now)


def _by_card(deposit: Deposit, now: datetime) -> bool:
    if deposit.payment_intent_id is None:
        return _charge(deposit, now)
    payment = gateway.payment_get(deposit.payment_intent_id)
    if payment.status == "requires_action" and deposit.created_at < now - ACTION_WITHIN:
        payment = gateway.payment_cancel(payment.id, key=f"deposit:{deposit.id}:cancel")
    return _apply(deposit, payment, now)


def _charge(deposit: Deposit, now: datetime) -> bool:
    """Charge the saved card; if an earlier answer was lost for good, look for what it did first.

    While money is stopped, an automatic top-up is only looked for.
    """
    customer_id = customer_ensure(deposit.organisation_id)
    is_stopped = deposit.method == Deposit.Method.AUTO_TOP_UP and money_is_stopped()
    if is_stopped or deposit.attempt > 1 or deposit.created_at < now - GIVE_UP_AFTER:
        made = _find(deposit, customer_id)
        if made is not None:
            return _apply(deposit, made, now)
    if is_stopped:
        return False
    if deposit.created_at < now - GIVE_UP_AFTER:
        return _failed(
            deposit, "not_answered", "The payment service did not answer; nothing was charged.", now
        )
    try:
        payment = gateway.payment_create(
            key=f"deposit:{deposit.id}:charge:{deposit.attempt}",
            amount_cents=(deposit.amount_nano_usd + deposit.tax_nano_usd) // NANO_PER_CENT,
            customer_id=customer_id,
            payment_method_id=deposit.payment_method_id,
            description="CUX deposit",
            metadata={"deposit_id": str(deposit.id)},
        )
    except gateway.Unavailable as unavailable:
        if unavailable.is_kept:
            attempt_next(deposit)
        raise
    return _apply(deposit, payment, now)


def _find(deposit: Deposit, customer_id: str) -> gateway.Payment | None:
    """Return the payment that was made for the deposit, whatever became of the answer."""
    for payment in gateway.payments_of_customer(customer_id):
        if payment.metadata.get("deposit_id") == str(deposit.id):
            return payment
    return None


@transaction.atomic
def _apply(deposit: Deposit, payment: gateway.Payment, now: datetime) -> bool:
    return deposit_apply(deposit_id=deposit.id, payment=payment, now=now)


@transaction.atomic
def _failed(
    deposit: Deposit, code: str, message: str, now: datetime, *, payment_id: str | None = None
) -> bool:
    row = Deposit.objects.select_for_update(no_key=True).get(id=deposit.id)
    if row.state not in Deposit.UNFINISHED:
        return False
    row.payment_intent_id = row.payment_intent_id or payment_id
    deposit_fail(row, code=code, message=message, now=now)
    row.save()
    return True


def _schedule(deposit: Deposit, now: datetime) -> None:
    """Have the next look taken later, also if this one ends in a crash."""
    pause = timedelta(seconds=_PAUSES_S[min(deposit.steps, len(_PAUSES_S) - 1)])
    Deposit.objects.filter(id=deposit.id).update(steps=deposit.steps + 1, next_step_at=now + pause)
