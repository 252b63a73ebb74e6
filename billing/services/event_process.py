"""Do what an event of Stripe's calls for: read the object it is about again, and apply what it is now.

A handler reads (with no transaction open) and returns what to do; that is done in one transaction with
the mark that the event is processed. Events of one object take turns, so that what was read first is
applied first; duplicates and disorder therefore do no harm. What fails is tried again, ever more seldom.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection
from django.db.models import F

from billing.models import StripeEvent
from billing.services.deposit_events import checkout_session_read, payment_intent_read
from billing.services.dispute_apply import dispute_read
from billing.services.event_types import Handler, Occasion
from billing.services.payee_onboard import account_read, bank_read
from billing.services.payout_events import payout_read, transfer_read
from billing.services.refund_events import charge_read, refund_read
from core.retry import transact

log = structlog.get_logger(__name__)


HANDLERS: Final[dict[str, Handler]] = {
    "payment_intent": payment_intent_read,
    "checkout.session": checkout_session_read,
    "charge": charge_read,
    "refund": refund_read,
    "dispute": dispute_read,
    "account": account_read,
    "bank_account": bank_read,
    "transfer": transfer_read,
    "payout": payout_read,
}
"""By the object's kind. What is not here is noted and means nothing to us."""

_PAUSES_S: Final = (5, 15, 60, 300, 900, 3600)
"""Between tries; the last again and again."""


def event_process(*, event_id: uuid.UUID, now: datetime) -> bool:
    """This function will process one noted event, and return whether it did; again: no effect."""
    event = StripeEvent.objects.get(id=event_id)
    if event.processed_at is not None:
        return False
    try:
        with _in_turn(event.object_id):
            return _process(event, now)
    except Exception:
        log.exception("stripe_event_failed", event_id=event.event_id, type=event.type)
        pause_s = _PAUSES_S[min(event.attempts, len(_PAUSES_S) - 1)]
        StripeEvent.objects.filter(id=event_id, processed_at__isnull=True).update(
            attempts=F("attempts") + 1, next_attempt_at=now + timedelta(seconds=pause_s)
        )
        return False


def _process(event: StripeEvent, now: datetime) -> bool:
    handler = HANDLERS.get(event.object_kind)
    apply = handler(Occasion(event.object_id, event.account, event.type)) if handler else None

    def effect_and_mark() -> bool:
        row = StripeEvent.objects.get(id=event.id)  # as it is now that it is our turn
        if row.processed_at is not None:
            return False
        if apply is not None:
            apply(now)
        row.processed_at = now
        row.save(update_fields=["processed_at"])
        return True

    return transact(effect_and_mark)


@contextmanager
def _in_turn(object_id: str) -> Iterator[None]:
    """Wait until nobody else is at work on this object of Stripe's (at most the role's lock_timeout)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"stripe:{object_id}"])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"stripe:{object_id}"])
