"""What tax a payment carries, by the payer's billing profile and the rate table of the day."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from billing.models import BillingProfile, TaxRate
from billing.rules.tax import NO_PROFILE, Rate, Tax, tax_on


def tax_for(*, organisation_id: uuid.UUID, net_nano_usd: int, now: datetime) -> Tax:
    """Return the tax on a net amount of an organisation's payment: rate, amount in whole cents, and note.

    Half-even to the cent, since it is collected with the card. Without a billing profile there is none.
    """
    profile = BillingProfile.objects.filter(organisation_id=organisation_id).first()
    if profile is None:
        return Tax(0, 0, NO_PROFILE)
    return tax_on(
        net_nano_usd,
        seller=settings.SELLER["country"],
        buyer=profile.country,
        is_business=bool(profile.vat_id),
        rate=_rate(profile.country, now),
    )


def _rate(country: str, now: datetime) -> Rate | None:
    today = now.date()
    valid = TaxRate.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=today), country=country, valid_from__lte=today
    ).first()
    return Rate(valid.name, valid.rate_ppm) if valid is not None else None
