"""Entitlements whose window has ended are paid out by the provider's measured availability."""

from datetime import datetime

from django.db import transaction

from exchange.models import Entitlement
from exchange.services.entitlement_expire import entitlement_expire
from inference.models import Provider
from inference.selectors.uptime import availability_ppm


def entitlements_expire(*, now: datetime) -> int:
    """This function will expire every live entitlement whose window is over; return how many.

    One with reservations still open is left for the next time.
    """
    over = Entitlement.objects.filter(state=Entitlement.State.LIVE, ends_at__lte=now).order_by("ends_at")
    return sum(_expire(entitlement, now) for entitlement in over)


@transaction.atomic
def _expire(entitlement: Entitlement, now: datetime) -> bool:
    provider = Provider.objects.filter(organisation_id=entitlement.provider_id).first()
    split = entitlement_expire(
        entitlement_id=entitlement.id,
        availability_ppm=_availability(provider, entitlement),
        hold_back_ppm=provider.hold_back_ppm if provider else 0,
        now=now,
    )
    return split is not None


def _availability(provider: Provider | None, entitlement: Entitlement) -> int:
    if provider is None:
        return 0
    window = (entitlement.starts_at, entitlement.ends_at)
    return availability_ppm(provider_id=provider.id, start=window[0], end=window[1])
