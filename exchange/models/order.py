"""Orders as the sequencer wrote them."""

from django.db import models

from exchange.models.instrument import Instrument


class Order(models.Model):
    """An instruction to buy or sell, and what became of it. Written by the sequencer only.

    leaves_lots is what is still open, cumulative_lots what has traded. `priority` orders the queue
    at a price level, so that the book can be rebuilt from these rows. `limit_ticks` is the worst price it
    may trade at (a market order's protection). An iceberg shows `slice_lots` of at most `display_lots`. Its
    fee rates are those of its owner when it was placed.
    """

    class Status(models.TextChoices):
        """Open, or one of the ends."""

        OPEN = "open"
        FILLED = "filled"
        CANCELED = "canceled"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True)
    # The indexes below are those on instrument and organisation; nobody looks orders up by beneficiary.
    # No constraints: checked row by row, they would cost a quarter of a large batch. The sequencer, which
    # alone writes here, knows instrument and owner; a trigger looks for a beneficiary that is somebody else;
    # and `order_names_its_parties` of the invariants checks all three.
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="orders", db_index=False, db_constraint=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        related_name="orders",
        db_index=False,
        db_constraint=False,
    )
    beneficiary = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    client_order_id = models.CharField(max_length=48, null=True)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=6)
    time_in_force = models.CharField(max_length=3)
    post_only = models.BooleanField(default=False)
    self_trade_prevention = models.CharField(max_length=12)
    price_ticks = models.BigIntegerField(null=True)
    limit_ticks = models.BigIntegerField(default=0)
    budget_nano_usd = models.BigIntegerField(null=True)
    display_lots = models.BigIntegerField(null=True)
    slice_lots = models.BigIntegerField(default=0)
    min_lots = models.BigIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    entitlement_id = models.UUIDField(null=True)
    auction_id = models.UUIDField(null=True)
    maker_fee_ppm = models.IntegerField(default=0)
    taker_fee_ppm = models.IntegerField(default=0)
    quantity_lots = models.BigIntegerField()
    leaves_lots = models.BigIntegerField()
    cumulative_lots = models.BigIntegerField(default=0)
    notional_nano_usd = models.BigIntegerField(default=0)
    fee_nano_usd = models.BigIntegerField(default=0)
    status = models.CharField(max_length=8, choices=Status.choices)
    reason = models.CharField(max_length=32, blank=True)
    priority = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "client_order_id"],
                condition=models.Q(client_order_id__isnull=False),
                name="order_client_id_once",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity_lots__gt=0, leaves_lots__gte=0, cumulative_lots__gte=0),
                name="order_quantities",
            ),
            models.CheckConstraint(
                condition=models.Q(status="open", leaves_lots__gt=0) | ~models.Q(status="open"),
                name="order_open_leaves",
            ),
        ]
        indexes = [
            models.Index(
                fields=["instrument", "priority"], name="order_open", condition=models.Q(status="open")
            ),
            models.Index(fields=["organisation", "-created_at"], name="order_organisation"),
            models.Index(
                fields=["entitlement_id"],
                name="order_resale",
                condition=models.Q(entitlement_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity_lots} @ {self.price_ticks}"
