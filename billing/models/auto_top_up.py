"""Standing orders to pay in by a saved card."""

from django.db import models
from django.db.models.functions import Now


class AutoTopUp(models.Model):
    """When less than `threshold` can be spent, `amount` is paid in, at most `monthly_cap` in a month (UTC).

    `declines` in a row end it (`off_reason` says so); after each there is a pause until `next_try_at`.
    """

    class OffReason(models.TextChoices):
        """Why it is off, if it is."""

        OWNER = "owner"
        DECLINED = "declined"

    organisation = models.OneToOneField("accounts.Organisation", on_delete=models.PROTECT, primary_key=True)
    is_on = models.BooleanField(default=True)
    threshold_nano_usd = models.BigIntegerField()
    amount_nano_usd = models.BigIntegerField()
    monthly_cap_nano_usd = models.BigIntegerField()
    payment_method_id = models.CharField(max_length=255)
    declines = models.SmallIntegerField(default=0)
    off_reason = models.CharField(max_length=10, choices=OffReason.choices, blank=True)
    next_try_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    threshold_nano_usd__gt=0,
                    amount_nano_usd__gt=0,
                    monthly_cap_nano_usd__gte=models.F("amount_nano_usd"),
                    declines__gte=0,
                ),
                name="auto_top_up_amounts_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(is_on=True, off_reason="")
                | models.Q(is_on=False, off_reason__in=["owner", "declined"]),
                name="auto_top_up_off_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"auto top-up of {self.amount_nano_usd} nano-USD ({'on' if self.is_on else 'off'})"
