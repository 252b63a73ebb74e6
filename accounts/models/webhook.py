"""Webhooks: where an organisation wants to be told of what happens, and what it was told."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from core.ids import new_id


class WebhookEndpoint(models.Model):
    """An address that is told of events of some types (none: of all), signed with its own secret."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="webhooks")
    url = models.CharField(max_length=500)
    types = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    secret = models.BinaryField()
    """Sealed for the organisation."""
    created_at = models.DateTimeField(db_default=Now())
    removed_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)
    """No attempt begins before: one is under way, or the last was not answered; null: it was."""

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint, until it is taken or given up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    event_id = models.CharField(max_length=80)
    type = models.CharField(max_length=40)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    """When it is tried next; null: it was taken, or given up."""
    delivered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)
    """What came of the last attempt: a status, or why there was none."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=models.Q(delivered_at__isnull=True) | models.Q(next_at__isnull=True),
                name="webhook_delivery_ends_when_delivered",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="webhook_delivery_due", condition=models.Q(next_at__isnull=False)
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint_id}"


class WebhookReplays(models.Model):
    """How many deliveries an organisation had repeated since a moment."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    replays = models.IntegerField()
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.replays} by {self.organisation_id}"
