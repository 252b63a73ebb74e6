"""The outbox: what must leave the database is a row of the transaction that decided it."""

import uuid

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class OutboxMessage(models.Model):
    """One thing to be told to somebody outside (a Celery task, the sequencer), at least once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    topic = models.TextField()
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    """Not before: it failed; null: at once."""
    last_error = models.TextField(db_default="")
    """Why it failed the last time; what was sent at last keeps it."""

    class Meta:
        indexes = [
            models.Index("id", name="outbox_unsent", condition=models.Q(sent_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {uuid.UUID(str(self.id)).hex}"
