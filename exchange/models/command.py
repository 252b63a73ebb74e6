"""The sequencer's journal, its snapshots, and the row that fences it."""

from django.db import models


class Command(models.Model):
    """A sequenced command with its verdict, and with what it did to the books: replay needs nothing else.

    `sequence` is dense; `key` is the caller's idempotency key, unique per organisation. `payload` and
    `verdict` are JSON, kept as the text that was written. `effects` is msgpack: a list of [symbol, engine
    operation] in the words of `exchange.engine.protocol`; null if the books did not change.
    """

    sequence = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16)
    organisation_id = models.UUIDField(null=True)
    key = models.CharField(max_length=255, null=True)
    body_sha256 = models.BinaryField(max_length=32, null=True)
    payload = models.TextField()
    verdict = models.TextField()
    effects = models.BinaryField(null=True)
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


class Snapshot(models.Model):
    """All books after the command of this sequence; recovery plays only the journal's rest.

    One whose digest does not fit its state is passed over.
    """

    sequence = models.BigIntegerField(primary_key=True)
    sha256 = models.BinaryField(max_length=32)
    state = models.BinaryField()
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"after {self.sequence}"


class SequencerOwner(models.Model):
    """Who may write: each batch fences itself with `UPDATE … WHERE epoch = mine`."""

    shard = models.CharField(max_length=40, primary_key=True)
    epoch = models.BigIntegerField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.shard} epoch {self.epoch}"
