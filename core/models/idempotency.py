"""Answers kept under their idempotency key, so that a retry gets the same one."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class IdempotentResponse(models.Model):
    """What a POST answered under a key: the same body gets it again, another body gets 409.

    `organisation_id` is not a foreign key because core lies below accounts.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation_id = models.UUIDField()
    key = models.CharField(max_length=255)
    body_sha256 = models.BinaryField(max_length=32)
    status = models.SmallIntegerField(null=True)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation_id", "key"], name="idempotent_response_key"),
        ]

    def __str__(self) -> str:
        return self.key
