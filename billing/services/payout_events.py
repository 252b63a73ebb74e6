"""What events about payouts and transfers call for: their next step, which reads how they are now."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from billing import stripe_gateway as gateway
from billing.models import Payout
from billing.services.event_types import Apply, Occasion
from core.hints import hint_on_commit
from core.money import NANO_PER_CENT


def payout_read(occasion: Occasion) -> Apply | None:
    """Return how to have a connected account's payout looked at; None: it is none of ours."""
    if not occasion.account:
        return None
    made = gateway.payout_get(occasion.object_id, account=occasion.account)
    found = _named(made.metadata.get("payout_id", ""))

    def apply(now: datetime) -> None:
        _look_at(found, now)

    return apply


def transfer_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a transfer as it is now: one taken back ends its payout; None: not ours."""
    transfer = gateway.transfer_get(occasion.object_id)
    found = _named(transfer.metadata.get("payout_id", ""))

    def apply(now: datetime) -> None:
        sent = found.filter(state__in=Payout.OF_STRIPE)
        if sent.filter(amount_nano_usd__lte=transfer.reversed_cents * NANO_PER_CENT).update(
            state=Payout.State.FAILED, failure_code="transfer_reversed", steps=0
        ):
            _look_at(found, now)

    return apply


def _named(payout_id: str) -> QuerySet[Payout]:
    """Return the payout that an object of Stripe's names, as a query that may find none."""
    try:
        return Payout.objects.filter(id=uuid.UUID(payout_id))
    except ValueError:
        return Payout.objects.none()


def _look_at(found: QuerySet[Payout], now: datetime) -> None:
    for payout in found.exclude(state__in=[Payout.State.BLOCKED, Payout.State.RETURNED]):
        Payout.objects.filter(id=payout.id).update(next_step_at=now)
        hint_on_commit(task="billing.payout_step", queue="jobs", payout_id=str(payout.id))
