"""Requests that get as much compute as their question needs: tranches under one quote, each a job."""

from django.db import models

from core.ids import new_id
from inference.models.job import Job


class AdaptiveRequest(models.Model):
    """A question put to a ladder of models, under one hard quote in µCU.

    `plan` is what was shown before it ran (`inference.services.adaptive_quote`). `used_ucu` is what the
    tranches that were judged have metered; `kept` the number of the one that was answered with.
    """

    class State(models.TextChoices):
        """running → answered, or failed (all that was tried is refunded), or left by its caller."""

        RUNNING = "running"
        ANSWERED = "answered"
        FAILED = "failed"
        LEFT = "left"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    ladder = models.CharField(max_length=80)
    plan = models.JSONField()
    quote_ucu = models.BigIntegerField()
    used_ucu = models.BigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    kept = models.SmallIntegerField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_ucu__lte=models.F("quote_ucu")), name="adaptive_never_above_quote"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ladder} request ({self.state})"


class Tranche(models.Model):
    """One rung tried for a request: a job with its own quote, reservation and receipt.

    `why` it was released. Once it has ended and was judged, `found` says what came of it, `confidence_ppm`
    how likely its answer's tokens were and `right_ppm` how likely it is right (null: it was refunded).
    `bought` is what was bought at market for it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        AdaptiveRequest, on_delete=models.PROTECT, related_name="tranches", db_index=False
    )
    number = models.SmallIntegerField()
    rung = models.CharField(max_length=80)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="tranche")
    why = models.CharField(max_length=200)
    found = models.CharField(max_length=200, blank=True)
    confidence_ppm = models.IntegerField(null=True)
    right_ppm = models.IntegerField(null=True)
    has_answer = models.BooleanField(default=False)
    judged_at = models.DateTimeField(null=True)
    bought = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="tranche_once")]

    def __str__(self) -> str:
        return f"tranche {self.number} on {self.rung}"
