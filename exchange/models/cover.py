"""Cover: compute bought elsewhere for a buyer whose provider did not deliver."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id
from exchange.models.entitlement import Entitlement


class Cover(models.Model):
    """The open part `compute_ucu` of an entitlement was cancelled because its provider failed.

    Its escrow and fee shares went to the house's cover wallet, which buys the same compute for the
    holder, or returns the shares if there is none in time. `top_up_nano_usd` is what was missing and came
    from the failing provider's hold-back and from insurance; `limit_ticks` is the price this affords.
    """

    class State(models.TextChoices):
        """Where the cover stands."""

        FUNDING = "funding"
        FUNDED = "funded"
        COVERED = "covered"
        RETURNED = "returned"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job_id = models.UUIDField()
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="covers")
    compute_ucu = models.BigIntegerField()
    escrow_share_nano_usd = models.BigIntegerField()
    fee_share_nano_usd = models.BigIntegerField()
    top_up_nano_usd = models.BigIntegerField(default=0)
    limit_ticks = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.FUNDING)
    order_id = models.UUIDField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    ends_by = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job_id", "entitlement"], name="cover_once")]

    def __str__(self) -> str:
        return f"cover of {self.compute_ucu} µCU ({self.state})"
