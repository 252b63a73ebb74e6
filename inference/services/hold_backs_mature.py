"""Every provider's hold-back matures after the period of its trust tier."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings

from billing.services.hold_back_mature import hold_back_mature
from core.reconcile import for_each
from inference.models import Provider


def hold_back_period(trust_tier: str) -> timedelta:
    """Return how long money of a provider of this tier is held back; of one unknown, the longest."""
    days = settings.HOLD_BACK_DAYS
    return timedelta(days=days.get(trust_tier, max(days.values())))


def hold_back_period_of(*, organisation_id: uuid.UUID) -> timedelta:
    """Return how long an organisation's earnings are held back in part."""
    tiers = Provider.objects.filter(organisation_id=organisation_id).values_list("trust_tier", flat=True)
    return hold_back_period(tiers.first() or "")


def hold_backs_mature(*, now: datetime) -> int:
    """This function will have every provider's hold-back mature, and return for how many something did.

    Level-triggered: it may run at any time, any number of times.
    """
    tiers = dict(Provider.objects.order_by("id").values_list("organisation_id", "trust_tier"))

    def mature(organisation_id: uuid.UUID) -> int:
        period = hold_back_period(tiers[organisation_id])
        return hold_back_mature(organisation_id=organisation_id, period=period, now=now)

    return for_each(tiers, mature, name="hold_backs")
