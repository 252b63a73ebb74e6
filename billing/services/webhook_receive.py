"""Take in what Stripe says has changed: verify, note, answer. The work comes after."""

from collections.abc import Iterable

import structlog
from django.conf import settings
from django.db import transaction

from billing import stripe_gateway as gateway
from billing.models import StripeEvent
from core.errors import Code, CuxError
from core.hints import hint_on_commit

log = structlog.get_logger(__name__)


def webhook_receive(*, body: bytes, signature: str | None) -> int:
    """This function will note a signed event once, and return how many rows that made (0 or 1).

    Raises:
        CuxError: WEBHOOK_SIGNATURE_INVALID, nothing was noted: it is not signed with one of our secrets
            within the last 300 s, is no event, or is of the other mode (test or live) than our key.
    """
    event = gateway.event_verify(body, signature, settings.STRIPE_WEBHOOK_SECRETS)
    if event is None or event.is_live != gateway.is_live():
        log.warning("stripe_event_refused", event_id=event.id if event else None)
        raise CuxError(Code.WEBHOOK_SIGNATURE_INVALID)
    return events_note([event])


@transaction.atomic
def events_note(events: Iterable[gateway.Event]) -> int:
    """This function will put those events into the inbox that are not in it, and hint at each."""
    noted = 0
    for event in events:
        row = StripeEvent(
            event_id=event.id,
            type=event.type,
            object_id=event.object_id,
            object_kind=event.object_kind,
            account=event.account,
            created_at=event.created_at,
        )
        if _insert(row):
            noted += 1
            hint_on_commit(task="billing.event_process", queue="jobs", event_id=str(row.id))
    return noted


def _insert(row: StripeEvent) -> bool:
    """Tell whether the row is new. ON CONFLICT DO NOTHING waits for nobody and fails nothing around it."""
    StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    return StripeEvent.objects.filter(id=row.id).exists()
