"""Apply what Stripe says of a dispute: money it took, money it gave back, each once, whoever says it.

What happened is read from the balance transactions that the dispute names, not from its status: the bank
takes the money when it opens a dispute, an inquiry takes none, and a dispute that is won gives it back.
"""

import uuid
from datetime import datetime
from typing import Final

import structlog

from billing import stripe_gateway as gateway
from billing.models import Deposit, Dispute
from billing.services.announce import dispute_announce
from billing.services.deposit_events import after_payment
from billing.services.dispute_post import dispute_give_back, dispute_take
from billing.services.event_types import Apply, Occasion
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT

log = structlog.get_logger(__name__)

State = Dispute.State
_STATES: Final = {
    "warning_needs_response": State.INQUIRY,
    "warning_under_review": State.INQUIRY,
    "warning_closed": State.INQUIRY_CLOSED,
    "needs_response": State.OPEN,
    "under_review": State.OPEN,
    "won": State.WON,
    "lost": State.LOST,
}


def dispute_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a dispute as it is now; None: the payment is no deposit of ours."""
    return None if occasion.account else dispute_fetch(occasion.object_id)


def dispute_fetch(stripe_dispute_id: str) -> Apply | None:
    """Return how to apply this dispute of Stripe's, read now."""
    found = gateway.dispute_get(stripe_dispute_id)
    payment_id = found.payment_id
    if payment_id is None and found.charge_id is not None:
        payment_id = gateway.payment_of_charge(found.charge_id)

    def disputed(deposit_id: uuid.UUID, now: datetime) -> None:
        dispute_apply(deposit_id=deposit_id, found=found, now=now)

    apply = after_payment(payment_id, disputed) if payment_id else None
    if apply is None:
        log.error("dispute_of_unknown_payment", dispute_id=found.id, payment_id=payment_id)
    return apply


def dispute_apply(*, deposit_id: uuid.UUID, found: gateway.Dispute, now: datetime) -> Dispute:
    """This function will bring a dispute to what Stripe says it is, and post what was not posted yet.

    Runs in the caller's transaction. Locks the dispute, its deposit and card lots, then balances.

    Raises:
        CuxError: HOLD_EXPIRED, HOLD_NOT_COVERING: somebody else took of the same money at this moment;
            nothing moved, and it is to be tried again. DEPENDENCY_UNAVAILABLE: the same, as the payment has
            not succeeded for all that Stripe says.
    """
    dispute = _row(deposit_id, found, now)
    for moved in sorted(found.movements, key=lambda movement: movement.amount_cents):
        amount, fee = moved.amount_cents * NANO_PER_CENT, moved.fee_cents * NANO_PER_CENT
        if amount < 0 and not dispute.withdrawn_nano_usd:
            dispute_take(dispute=dispute, deposit_id=deposit_id, amount=-amount, fee=fee, now=now)
        elif amount > 0 and not dispute.reinstated_nano_usd:
            dispute_give_back(dispute=dispute, deposit_id=deposit_id, amount=amount, fee=-fee, now=now)
    dispute.state = _STATES.get(found.status, State.OPEN)
    dispute.reason, dispute.evidence_due_by, dispute.read_at = found.reason[:80], found.evidence_due_by, now
    dispute.save()
    dispute_announce(dispute, now)
    return dispute


def _row(deposit_id: uuid.UUID, found: gateway.Dispute, now: datetime) -> Dispute:
    """Return the dispute's row, locked, made if it is new."""
    deposit = Deposit.objects.get(id=deposit_id)
    if deposit.state != Deposit.State.SUCCEEDED:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, "A payment is disputed that has not succeeded.")
    new = Dispute(
        organisation_id=deposit.organisation_id,
        stripe_dispute_id=found.id,
        payment_intent_id=deposit.payment_intent_id or "",
        state=_STATES.get(found.status, State.OPEN),
        amount_nano_usd=found.amount_cents * NANO_PER_CENT,
        opened_at=found.created_at or now,
        read_at=now,
    )
    Dispute.objects.bulk_create([new], ignore_conflicts=True)
    return Dispute.objects.select_for_update(no_key=True).get(stripe_dispute_id=found.id)
