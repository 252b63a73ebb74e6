"""Whom an organisation's tax documents are made out to."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Organisation


class BillingProfile(models.Model):
    """An organisation's name and address for tax. With a VAT id it is a business.

    Documents keep what it said when they were issued; the profile itself may change.
    """

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, primary_key=True, related_name="billing_profile"
    )
    legal_name = models.CharField(max_length=128)
    address_lines = ArrayField(models.CharField(max_length=128))
    country = models.CharField(max_length=2)
    vat_id = models.CharField(max_length=20, blank=True)
    email = models.EmailField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.legal_name}, {self.country}"
