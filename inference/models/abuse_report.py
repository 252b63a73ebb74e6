"""What one side reports of the other."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id
from inference.models.job import Job


class AbuseReport(models.Model):
    """A provider reports a job it was given, or a buyer the provider of one: `accused` is the other side.

    The exchange keeps no word of the job for it: what is to be said stands in `detail`.
    """

    class State(models.TextChoices):
        """open → dismissed or upheld, by an operator."""

        OPEN = "open"
        DISMISSED = "dismissed"
        UPHELD = "upheld"

    class Reason(models.TextChoices):
        """What it is about."""

        ILLEGAL = "illegal"
        HARMFUL = "harmful"
        ATTACK = "attack"
        WRONG_ANSWER = "wrong_answer"
        PRIVACY = "privacy"
        OTHER = "other"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    reporter = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    accused = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=12, choices=Reason)
    detail = models.CharField(max_length=1_000, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    reported_at = models.DateTimeField(db_default=Now())
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "reporter", "accused"], name="abuse_report_once"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="abuse_report_state"),
            models.Index(fields=["reporter", "-id"], name="abuse_report_reporter"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.state})"
