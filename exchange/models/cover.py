"""Cover: compute bought elsewhere for a buyer whose provider did not deliver."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id
from exchange.models.entitlement import Entitlement


class Cover(models.Model):
    """The open part `compute_ucu` of an entitlement was cancelled because its provider failed.

    Its escrow and fee shares wait in transit (`OPEN`) until a price is found. What is missing is then
    taken from the provider's hold-back and from insurance (`PRICED`), all of it reaches the cover wallet
    (`FUNDED`), and an all-or-nothing order is tried, `attempts` counting those that found too little.
    What the order did not need leaves the wallet again (`CLOSING`), and the holder has either the
    compute (`COVERED`) or the shares (`RETURNED`).
    """

    class State(models.TextChoices):
        """Where the cover stands."""

        OPEN = "open"
        PRICED = "priced"
        FUNDED = "funded"
        CLOSING = "closing"
        COVERED = "covered"
        RETURNED = "returned"

    DONE = (State.COVERED, State.RETURNED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job_id = models.UUIDField()
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="covers")
    compute_ucu = models.BigIntegerField()
    escrow_share_nano_usd = models.BigIntegerField()
    fee_share_nano_usd = models.BigIntegerField()
    hold_back_nano_usd = models.BigIntegerField(default=0)
    insurance_nano_usd = models.BigIntegerField(default=0)
    limit_ticks = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    cost_nano_usd = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    started_at = models.DateTimeField(db_default=Now())
    ends_by = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job_id", "entitlement"], name="cover_once")]
        indexes = [
            models.Index(
                fields=["started_at"],
                name="cover_unfinished",
                condition=~models.Q(state__in=["covered", "returned"]),
            )
        ]

    @property
    def shares_nano_usd(self) -> int:
        """Return what the buyer had paid for the cancelled compute."""
        return self.escrow_share_nano_usd + self.fee_share_nano_usd

    @property
    def funds_nano_usd(self) -> int:
        """Return what the cover wallet gets for this cover."""
        return self.shares_nano_usd + self.hold_back_nano_usd + self.insurance_nano_usd

    def __str__(self) -> str:
        return f"cover of {self.compute_ucu} µCU ({self.state})"
