"""Process what was noted and not done, and note what never arrived."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from billing import stripe_gateway as gateway
from billing.models import StripeEvent
from billing.services.event_process import event_process
from billing.services.webhook_receive import events_note
from core.reconcile import for_each

_BATCH: Final = 100
_GRACE: Final = timedelta(seconds=2)
"""The hint comes first."""
_OVERLAP: Final = timedelta(hours=1)
_KEPT: Final = timedelta(days=30)


def events_reconcile(*, now: datetime) -> int:
    """This function will process noted events whose time has come, and return how many it did."""
    due = StripeEvent.objects.filter(
        processed_at__isnull=True, next_attempt_at__lte=now, received_at__lte=now - _GRACE
    )
    ids = due.order_by("next_attempt_at").values_list("id", flat=True)[:_BATCH]
    return for_each(list(ids), lambda row: event_process(event_id=row, now=now), name="stripe_events")


def events_catch_up(*, now: datetime) -> int:
    """This function will note events that Stripe has and that never reached us; return how many.

    It looks an hour further back than the newest that did, at most the 30 days that Stripe keeps them.
    """
    newest = StripeEvent.objects.aggregate(at=Max("created_at"))["at"] or now
    since = max(min(newest, now) - _OVERLAP, now - _KEPT)
    # All of them or none: they come newest first, and the newest that is noted says where to look next time.
    return events_note(
        [event for event in gateway.events_list(since=since) if event.is_live == gateway.is_live()]
    )
