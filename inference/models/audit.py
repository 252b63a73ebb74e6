"""Audits: which jobs were looked at again, what was found, and what it meant for the provider."""

from django.db import models

from core.ids import new_id
from inference.models.catalogue import CatalogueModel
from inference.models.job import Job
from inference.models.provider import Provider


class AuditDay(models.Model):
    """The exchange's commitment to a day's audits: the secret's hash is public before, the secret after."""

    day = models.DateField(primary_key=True)
    secret = models.BinaryField(max_length=32)
    commitment = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day}: {self.commitment}"


class Audit(models.Model):
    """A settled job that was drawn, and what the verifier's prefill found of it.

    Prompt and answer are there as long as the class keeps them; `share_ppm` is that of the provider's tier
    when it was drawn. `evidence` is the provider's e-value
    after it, in millionths. What was given up (`error` says why) says nothing of the provider.
    """

    class State(models.TextChoices):
        """drawn → done, or given up."""

        DRAWN = "drawn"
        DONE = "done"
        GIVEN_UP = "given_up"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="audit")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="audits")
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAWN)
    share_ppm = models.IntegerField()
    drawn_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    score = models.JSONField(null=True)
    evidence_micro = models.DecimalField(max_digits=40, decimal_places=0, null=True)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["drawn_at"], name="audit_open", condition=models.Q(state="drawn")),
            models.Index(fields=["provider", "-drawn_at"], name="audit_provider"),
        ]

    def __str__(self) -> str:
        return f"audit ({self.state})"


class AuditStanding(models.Model):
    """What all audits of a provider's answers of one model have come to: the e-process' capital."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="audit_standings")
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="+", db_index=False)
    standing = models.JSONField()
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="audit_standing_once")]

    def __str__(self) -> str:
        return f"audits of {self.model} at {self.provider}"


class AuditFailure(models.Model):
    """A provider's honesty was refuted for a model: what was taken from it, and its appeal.

    `since` is from when on its jobs count; they cost `charged`, of which `credited` could be recovered.
    `taken` of the hold-back and `earnings_taken` come back if an appeal is upheld.
    """

    class Appeal(models.TextChoices):
        """none → open → upheld or rejected."""

        NONE = "none"
        OPEN = "open"
        UPHELD = "upheld"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="audit_failures")
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="+", db_index=False)
    audit = models.OneToOneField(Audit, on_delete=models.PROTECT, related_name="failure")
    since = models.DateTimeField()
    failed_at = models.DateTimeField()
    tier_before = models.CharField(max_length=4)
    jobs = models.IntegerField()
    taken_nano_usd = models.BigIntegerField()
    earnings_taken_nano_usd = models.BigIntegerField()
    charged_nano_usd = models.BigIntegerField()
    credited_nano_usd = models.BigIntegerField()
    appeal = models.CharField(max_length=8, choices=Appeal.choices, default=Appeal.NONE)
    appeal_text = models.TextField(blank=True)
    decision = models.TextField(blank=True)
    appealed_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.provider}: {self.model} refuted"


class ReputationEvent(models.Model):
    """A change of what a provider is worth, with the audit or failure that is its evidence. Append-only."""

    class Kind(models.TextChoices):
        """What happened."""

        AUDIT_DONE = "audit_done"
        FAILED = "failed"
        TIER_SET = "tier_set"
        APPEALED = "appealed"
        APPEAL_UPHELD = "appeal_upheld"
        APPEAL_REJECTED = "appeal_rejected"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="reputation_events", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    tier = models.CharField(max_length=4)
    audit = models.ForeignKey(Audit, on_delete=models.PROTECT, related_name="events")
    detail = models.CharField(max_length=200)
    happened_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["provider", "-happened_at"], name="reputation_provider")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class ReceiptHeadSet(models.Model):
    """The heads of all receipt chains as they were published once: the canonical bytes that were signed."""

    published_at = models.DateTimeField(primary_key=True)
    document = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.published_at}"
