"""Charges: what an organisation was charged, by which ledger entry, and what for."""

from django.db import models

from billing.models.entry import Entry


class Charge(models.Model):
    """What one ledger entry charged an organisation: a settled job, or compute that expired unused.

    `escrow_nano_usd` went to the provider, `fee_nano_usd` is the fee earned with it. `subject_id` is the job
    or the entitlement. A job that used nothing has no entry. Rows are append-only.
    """

    class Kind(models.TextChoices):
        """What was charged for."""

        JOB = "job"
        TAKE_OR_PAY = "take_or_pay"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject_id = models.UUIDField()
    entry = models.OneToOneField(
        Entry,
        on_delete=models.PROTECT,
        to_field="key",
        db_column="entry_key",
        null=True,
        related_name="charge",
    )
    organisation_id = models.UUIDField()
    provider_id = models.UUIDField()
    model = models.CharField(max_length=128)
    card_hash = models.CharField(max_length=64)
    api_key_id = models.UUIDField(null=True)
    tag = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    compute_ucu = models.BigIntegerField()
    escrow_nano_usd = models.BigIntegerField()
    fee_nano_usd = models.BigIntegerField()
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="charge_once"),
            models.CheckConstraint(
                condition=models.Q(compute_ucu__gte=0, escrow_nano_usd__gte=0, fee_nano_usd__gte=0),
                name="charge_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(entry__isnull=False) | models.Q(escrow_nano_usd=0, fee_nano_usd=0),
                name="charge_has_its_entry",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation_id", "booked_at", "id"], name="charge_organisation"),
            models.Index(fields=["provider_id", "id"], name="charge_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.escrow_nano_usd + self.fee_nano_usd}"
