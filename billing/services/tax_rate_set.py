"""Give a country another tax rate from a day on."""

from datetime import date

from django.db import transaction

from billing.models import TaxRate
from billing.rules.vat import COUNTRIES
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.money import PPM


@transaction.atomic
def tax_rate_set(*, country: str, name: str, rate_ppm: int, valid_from: date) -> TaxRate:
    """This function will end the country's rate on the day, and begin the new one.

    Raises:
        CuxError: INVALID_FIELD, no such country, no share of a price, or not after the last rate began.
    """
    if country not in COUNTRIES or not 0 < rate_ppm < PPM:
        raise CuxError(Code.INVALID_FIELD, "Expected a country as in ISO 3166-1 and a rate below 100 %.")
    last = TaxRate.objects.filter(country=country).order_by("-valid_from").first()
    if last is not None and valid_from <= last.valid_from:
        raise CuxError(Code.INVALID_FIELD, f"The rate of {last.valid_from} is newer.", param="valid_from")
    if last is not None and (last.valid_until is None or last.valid_until > valid_from):
        last.valid_until = valid_from
        last.save(update_fields=["valid_until"])
    audit_note(Action.TAX_RATE_SET, country, name=name, rate_ppm=rate_ppm, valid_from=valid_from.isoformat())
    return TaxRate.objects.create(country=country, name=name, rate_ppm=rate_ppm, valid_from=valid_from)
