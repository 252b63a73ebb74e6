"""Organisations as Stripe's customers."""

from django.db import models
from django.db.models.functions import Now


class Customer(models.Model):
    """An organisation that pays by card. `stripe_id` is empty until Stripe has given one.

    Its row is also the lock under which the organisation's deposits and refunds are decided.
    """

    organisation = models.OneToOneField("accounts.Organisation", on_delete=models.PROTECT, primary_key=True)
    stripe_id = models.CharField(max_length=255, null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_id"], name="customer_stripe_once"),
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="customer_stripe_named"),
        ]

    def __str__(self) -> str:
        return self.stripe_id or f"customer {self.organisation_id}"
