"""Whom an organisation's documents are made out to."""

import uuid

from billing.models import BillingProfile
from core.errors import Code, CuxError


def billing_profile_find(organisation_id: uuid.UUID) -> BillingProfile | None:
    """Return an organisation's billing profile; None before the first was set."""
    return BillingProfile.objects.filter(organisation_id=organisation_id).first()


def billing_profile_get(organisation_id: uuid.UUID) -> BillingProfile:
    """Return an organisation's billing profile. Raises CuxError NOT_FOUND before the first was set."""
    profile = billing_profile_find(organisation_id)
    if profile is None:
        raise CuxError(Code.NOT_FOUND, "There is no billing profile yet; PUT one here.")
    return profile
