"""Process what was noted and not done, and note what never arrived."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max

from billing import stripe_gateway as gateway
from billing.models import StripeCursor, StripeEvent
from billing.services.event_process import event_process
from billing.services.webhook_receive import events_note
from core.reconcile import for_each

_BATCH: Final = 100
_GRACE: Final = timedelta(seconds=2)
"""The hint comes first."""
_OVERLAP: Final = timedelta(hours=1)
_KEPT: Final = timedelta(days=30)
_FIRST: Final = timedelta(days=3)
"""For so long Stripe tries to deliver an event."""


def events_reconcile(*, now: datetime) -> int:
    """This function will process noted events whose time has come, and return how many it did."""
    due = StripeEvent.objects.filter(
        processed_at__isnull=True, next_attempt_at__lte=now, received_at__lte=now - _GRACE
    )
    ids = due.order_by("next_attempt_at").values_list("id", flat=True)[:_BATCH]
    return for_each(list(ids), lambda row: event_process(event_id=row, now=now), name="stripe_events")


def events_catch_up(*, now: datetime) -> int:
    """This function will note events that Stripe has and that never reached us; return how many.

    It looks from an hour before the newest event that the last catch-up found, at most the 30 days that
    Stripe keeps them; the first one looks 3 days back. An event that arrives by itself does not move that.
    """
    since = max(min(_caught_up_to(now), now) - _OVERLAP, now - _KEPT)
    # All pages or none: they come newest first, and are noted oldest first, a payment before its dispute.
    found = list(gateway.events_list(since=since))[::-1]
    with transaction.atomic():
        noted = events_note([event for event in found if event.is_live == gateway.is_live()])
        if found:
            _caught_up(found[-1].created_at)
    return noted


def _caught_up(at: datetime) -> None:
    StripeCursor.objects.bulk_create([StripeCursor(at=at)], ignore_conflicts=True)
    StripeCursor.objects.filter(at__lt=at).update(at=at)


def _caught_up_to(now: datetime) -> datetime:
    """Return up to when, by Stripe's clock, all events were noted."""
    cursor = StripeCursor.objects.first()
    if cursor is not None:
        return cursor.at
    newest = StripeEvent.objects.aggregate(at=Max("created_at"))["at"] or now
    return min(newest, now) - _FIRST
