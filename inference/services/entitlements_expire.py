"""Entitlements whose window has ended are paid out by the provider's measured availability."""

import uuid
from datetime import datetime

from django.db import transaction

from core.reconcile import for_each
from exchange.models import Entitlement
from exchange.services.entitlement_expire import ExpirySplit, entitlement_expire
from inference.models import Provider
from inference.selectors.uptime import availability_ppm, outage_ppm


def entitlements_expire(*, now: datetime) -> int:
    """This function will expire every live entitlement whose window is over; return how many.

    One with reservations still open is left for the next time.
    """
    over = Entitlement.objects.filter(state=Entitlement.State.LIVE, ends_at__lte=now).order_by("ends_at")
    return for_each(
        list(over.values_list("id", flat=True)),
        lambda entitlement_id: entitlement_pay_out(entitlement_id=entitlement_id, now=now),
        name="entitlements",
    )


@transaction.atomic
def entitlement_pay_out(*, entitlement_id: uuid.UUID, now: datetime) -> ExpirySplit | None:
    """This function will expire one entitlement by what was measured in its window.

    An organisation that never became a provider was never there. None: not due, or done before.
    """
    row = Entitlement.objects.get(id=entitlement_id)
    provider = Provider.objects.filter(organisation_id=row.provider_id).first()
    measured = _measured(provider.id, row) if provider else (0, 0)
    return entitlement_expire(
        entitlement_id=row.id,
        availability_ppm=measured[0],
        outage_ppm=measured[1],
        hold_back_ppm=provider.hold_back_ppm if provider else 0,
        now=now,
    )


def _measured(provider_id: uuid.UUID, row: Entitlement) -> tuple[int, int]:
    """Return the availability in an entitlement's window, and how much of it is owed to outages of ours."""
    start, end = row.starts_at, row.ends_at
    return (
        availability_ppm(provider_id=provider_id, start=start, end=end),
        outage_ppm(provider_id=provider_id, start=start, end=end),
    )
