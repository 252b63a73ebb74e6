"""Entitlements whose window has ended are paid out by the provider's measured availability."""

import uuid
from datetime import datetime

from django.db import transaction

from core.reconcile import for_each
from exchange.models import Entitlement
from exchange.services.entitlement_expire import ExpirySplit, entitlement_expire
from inference.models import Provider
from inference.selectors.uptime import availability_ppm


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
    available_ppm = (
        availability_ppm(provider_id=provider.id, start=row.starts_at, end=row.ends_at) if provider else 0
    )
    return entitlement_expire(
        entitlement_id=row.id,
        availability_ppm=available_ppm,
        hold_back_ppm=provider.hold_back_ppm if provider else 0,
        now=now,
    )
