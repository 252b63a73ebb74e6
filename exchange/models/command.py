"""The sequencer's journal and the row that fences it."""

from django.db import models


class Command(models.Model):
    """A sequenced command with its verdict: replay needs nothing else.

    `sequence` is dense; `key` is the caller's idempotency key, unique per organisation.
    """

    sequence = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16)
    organisation_id = models.UUIDField(null=True)
    key = models.CharField(max_length=255, null=True)
    body_sha256 = models.BinaryField(max_length=32, null=True)
    payload = models.JSONField()
    verdict = models.JSONField()
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "key"],
                condition=models.Q(key__isnull=False),
                name="command_key_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"


class SequencerOwner(models.Model):
    """Who may write: each batch fences itself with `UPDATE … WHERE epoch = mine`."""

    shard = models.CharField(max_length=40, primary_key=True)
    epoch = models.BigIntegerField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.shard} epoch {self.epoch}"
