"""How well providers did, counted as it happens: never by looking through all leases."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.ids import new_id
from inference.models.catalogue import CatalogueModel
from inference.models.provider import Provider


class ServiceDay(models.Model):
    """What a provider's leases on one model came to on one day (UTC).

    `failed` counts the provider's own faults only. `first_token_counts` is a histogram
    (`inference.routing.latency`) of the time from grant to first token of what was delivered.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="days", db_index=False)
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    delivered = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    first_token_counts = ArrayField(models.IntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "day"], name="service_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.delivered} delivered, {self.failed} failed"
