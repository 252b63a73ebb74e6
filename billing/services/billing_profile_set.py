"""Say whom an organisation's tax documents are made out to."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from billing.models import BillingProfile
from billing.rules.vat import COUNTRIES, vat_id_normalised
from core.errors import Code, CuxError


def billing_profile_set(
    *,
    organisation_id: uuid.UUID,
    legal_name: str,
    address_lines: Sequence[str],
    country: str,
    vat_id: str,
    email: str,
    now: datetime,
) -> BillingProfile:
    """This function will replace an organisation's billing profile; issued documents stay as they are.

    Raises:
        CuxError: INVALID_FIELD, no such country, or no VAT id of that country.
    """
    if country not in COUNTRIES:
        raise CuxError(
            Code.INVALID_FIELD, "Expected a country as in ISO 3166-1, such as DE.", param="country"
        )
    known = vat_id_normalised(country, vat_id) if vat_id else ""
    if known is None:
        raise CuxError(Code.INVALID_FIELD, f"No VAT id of {country} looks like that.", param="vat_id")
    profile, _ = BillingProfile.objects.update_or_create(
        organisation_id=organisation_id,
        defaults={
            "legal_name": legal_name,
            "address_lines": list(address_lines),
            "country": country,
            "vat_id": known,
            "email": email,
            "updated_at": now,
        },
    )
    return profile
