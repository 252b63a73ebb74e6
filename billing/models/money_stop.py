"""Stops of money on its way out: to banks, to cards, and of charges that nobody is there to see."""

from django.db import models

from core.ids import new_id


class MoneyStop(models.Model):
    """From `stopped_at` until `resumed_at` nothing new leaves. At most one is open."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reason = models.CharField(max_length=200)
    stopped_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(resumed_at__isnull=True),
                name="money_stop_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(resumed_at__isnull=True) | models.Q(resumed_at__gt=models.F("stopped_at")),
                name="money_stop_ends_later",
            ),
        ]

    def __str__(self) -> str:
        return self.reason
