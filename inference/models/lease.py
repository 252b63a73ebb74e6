"""Leases: a provider's time-boxed right to run a job, and what it has delivered."""

from django.db import models

from core.ids import new_id
from inference.models.job import Job
from inference.models.provider import Provider


class Lease(models.Model):
    """One attempt at a job. Its epoch is the job's at the grant and is never reset.

    Only the live lease of the newest epoch may deliver; the partial unique index keeps it single.
    """

    class State(models.TextChoices):
        """granted → claimed → streaming → delivered, or an end without a result."""

        GRANTED = "granted"
        CLAIMED = "claimed"
        STREAMING = "streaming"
        DELIVERED = "delivered"
        FAILED = "failed"
        EXPIRED = "expired"

    LIVE = (State.GRANTED, State.CLAIMED, State.STREAMING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="leases")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="leases")
    epoch = models.IntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.GRANTED)
    relay_token_sha256 = models.BinaryField(max_length=32, null=True)
    granted_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    deadline = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True)
    output_tokens = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "epoch"], name="lease_epoch_once"),
            models.UniqueConstraint(
                fields=["job"],
                condition=models.Q(state__in=["granted", "claimed", "streaming"]),
                name="lease_one_live",
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "granted_at"],
                name="lease_claimable",
                condition=models.Q(state="granted"),
            ),
            models.Index(
                fields=["provider"],
                name="lease_live",
                condition=models.Q(state__in=["granted", "claimed", "streaming"]),
            ),
        ]

    def __str__(self) -> str:
        return f"lease {self.epoch} ({self.state})"


class Checkpoint(models.Model):
    """What the relay has counted of a lease's output, written every second and at the end.

    `token_ids`, and where they were asked for `likelihoods` (`inference.likelihoods`), are sealed under the
    organisation's key and erased as the class's retention says.
    """

    lease = models.OneToOneField(Lease, on_delete=models.PROTECT, primary_key=True, related_name="checkpoint")
    output_tokens = models.IntegerField()
    token_ids = models.BinaryField(null=True)
    likelihoods = models.BinaryField(null=True)
    finish_reason = models.CharField(max_length=16, blank=True)
    provider_signature = models.CharField(max_length=128, blank=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.output_tokens} tokens"
