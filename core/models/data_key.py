"""The key of each organisation's prompts and answers."""

from django.db import models
from django.db.models.functions import Now


class DataKey(models.Model):
    """A random key, wrapped by the installation's sealing key. Deleted, what it sealed is lost for good.

    `organisation_id` is not a foreign key because core lies below accounts.
    """

    organisation_id = models.UUIDField(primary_key=True)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"key of {self.organisation_id}"
