"""What is traded: compute classes, the instruments on them, and who can deliver how much."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class ComputeClass(models.Model):
    """Compute that is interchangeable: one model revision in one precision, tier, region, retention."""

    class Retention(models.TextChoices):
        """How long prompts and answers are kept once a job has ended."""

        NONE = "none"
        DAY = "24h"
        MONTH = "30d"

    code = models.CharField(max_length=60, primary_key=True)
    model = models.CharField(max_length=80)
    card_hash = models.CharField(max_length=64)
    trust_tier = models.CharField(max_length=4, default="L1")
    region = models.CharField(max_length=16, default="local")
    retention = models.CharField(max_length=16, choices=Retention, default=Retention.NONE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(retention__in=["none", "24h", "30d"]), name="compute_class_retention"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Instrument(models.Model):
    """A tradable contract: compute class × delivery, with its increments, band, fees and phase.

    A price of p ticks for q lots costs p · q · `tick_nano_usd` nano-USD; a lot is `lot_ucu` µCU. Orders
    must lie within the outer band, and within `band_ppm` of the reference price (0: no such limit); a
    trade further than `volatility_ppm` from it starts an auction instead (0: never). `reference_ticks` is
    the first reference price; later ones are what last traded. Only the phase ever changes.
    """

    class Delivery(models.TextChoices):
        """When the compute can be drawn."""

        SPOT = "spot"
        IDLE = "idle"

    class Phase(models.TextChoices):
        """What the book accepts."""

        PRE_OPEN = "pre_open"
        CONTINUOUS = "continuous"
        AUCTION = "auction"
        NO_CANCEL = "no_cancel"
        CANCEL_ONLY = "cancel_only"
        HALTED = "halted"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    symbol = models.CharField(max_length=80, unique=True)
    compute_class = models.ForeignKey(ComputeClass, on_delete=models.PROTECT, related_name="instruments")
    delivery = models.CharField(max_length=8, choices=Delivery.choices)
    lot_ucu = models.BigIntegerField()
    tick_nano_usd = models.BigIntegerField()
    band_low_ticks = models.BigIntegerField()
    band_high_ticks = models.BigIntegerField()
    reference_ticks = models.BigIntegerField(null=True)
    band_ppm = models.IntegerField(default=0)
    volatility_ppm = models.IntegerField(default=0)
    volatility_auction_s = models.IntegerField(default=30)
    min_order_lots = models.BigIntegerField(default=1)
    max_order_lots = models.BigIntegerField()
    max_notional_nano_usd = models.BigIntegerField(default=0)
    max_open_orders = models.IntegerField(default=1_000)
    maker_fee_ppm = models.IntegerField()
    taker_fee_ppm = models.IntegerField()
    window_s = models.IntegerField()
    phase = models.CharField(max_length=12, choices=Phase.choices, default=Phase.CONTINUOUS)

    def __str__(self) -> str:
        return self.symbol


class Capacity(models.Model):
    """What a provider can deliver in a class, as measured: written by the sequencer only.

    It backs sell orders: rate × tier factor × window − CU issued and neither drawn nor expired.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    compute_class = models.ForeignKey(ComputeClass, on_delete=models.PROTECT, related_name="capacities")
    rate_ucu_per_s = models.BigIntegerField()
    tier_factor_ppm = models.IntegerField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "compute_class"], name="capacity_once"),
            models.CheckConstraint(condition=models.Q(rate_ucu_per_s__gte=0), name="capacity_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.rate_ucu_per_s} µCU/s"
