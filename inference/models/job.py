"""Jobs: one inference request from its quote to its settlement."""

import uuid

from django.db import models

from accounts.selectors.house import PUBLIC_ACCESS_ID
from core.ids import new_id
from exchange.models import Entitlement
from inference.models.catalogue import CatalogueModel
from inference.models.provider import Provider


class Job(models.Model):
    """A request with a compute budget. It ends exactly once: completed or refunded.

    `api_key` asked for it (a page's has none) and `tag` is the caller's own word for what it is for.
    `routing` is what the caller prefers of providers (`inference.routing.preferences.Preferences`), `route`
    why the job went where it went. `prompt` is the prompt's token ids, sealed under the organisation's key
    and deleted at the end. From `canceled_at` on nobody waits for the rest of the answer, since the caller
    has left or the deadline has come: the provider is told to stop. One in the `background`, a batch's, is
    granted a slot only when no other job waits for it. `is_public_access`: the pool pays.
    """

    class State(models.TextChoices):
        """queued → leased → claimed → streaming → delivered → completed, or refunded."""

        QUEUED = "queued"
        LEASED = "leased"
        CLAIMED = "claimed"
        STREAMING = "streaming"
        DELIVERED = "delivered"
        COMPLETED = "completed"
        REFUNDED = "refunded"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="jobs")
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="jobs")
    api_key = models.ForeignKey(
        "accounts.ApiKey", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    tag = models.CharField(max_length=64, blank=True)
    is_public_access = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    background = models.BooleanField(default=False)
    epoch = models.IntegerField(default=0)
    prompt = models.BinaryField(null=True)
    sampling = models.JSONField()
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    turn_start = models.BigIntegerField(default=0)
    turn_finish = models.BigIntegerField(default=0)
    routing = models.JSONField(default=dict)
    route = models.JSONField(default=dict)
    prompt_tokens = models.IntegerField()
    cached_tokens = models.IntegerField(default=0)
    max_tokens = models.IntegerField()
    quote_ucu = models.BigIntegerField()
    compute_ucu = models.BigIntegerField(default=0)
    charged_nano_usd = models.BigIntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    finish_reason = models.CharField(max_length=16, blank=True)
    failure = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    deadline = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(compute_ucu__lte=models.F("quote_ucu")), name="job_never_above_quote"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="job_open", condition=models.Q(ended_at__isnull=True)),
            models.Index(fields=["organisation", "-created_at"], name="job_organisation"),
            models.Index(
                fields=["provider", "model", "background", "turn_start", "turn_finish", "created_at"],
                name="job_waiting",
                condition=models.Q(state="queued"),
            ),
            models.Index(
                fields=["provider", "model", "organisation", "turn_finish"],
                name="job_last_turn",
                condition=models.Q(ended_at__isnull=True),
            ),
            models.Index(fields=["ended_at"], name="job_content", condition=models.Q(prompt__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} job ({self.state})"

    @property
    def payer_id(self) -> uuid.UUID:
        """Return whose entitlements it draws on."""
        return PUBLIC_ACCESS_ID if self.is_public_access else self.organisation_id

    @property
    def caller_has_left(self) -> bool:
        """Tell whether the job was stopped before its time was up."""
        return self.canceled_at is not None and self.canceled_at < self.deadline


class Reservation(models.Model):
    """What a job has set aside on one entitlement: the ledger's hold of the same id."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="reservations")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="reservations")
    amount_ucu = models.BigIntegerField()
    position = models.SmallIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["job", "position"], name="reservation_job"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_ucu} µCU"
