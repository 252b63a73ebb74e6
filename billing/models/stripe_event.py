"""The inbox of Stripe's events."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class StripeEvent(models.Model):
    """That something changed at Stripe; it is done with once `processed_at` is set, with the effect.

    What changed is not kept: the object is read again, so that duplicates and disorder do no harm.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=255)
    object_id = models.CharField(max_length=255, blank=True)
    object_kind = models.CharField(max_length=255)
    account = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id"], name="stripe_event_once")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="stripe_event_unprocessed",
                condition=models.Q(processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class StripeCursor(models.Model):
    """The one row: up to when (`at`, by Stripe's clock) Stripe was asked for all events, and they were noted.

    What reached us by itself does not move it: something older may have been missed.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="stripe_cursor_is_one")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
