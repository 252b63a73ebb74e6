"""Call auctions, their schedules, and offers that enter each of them."""

from django.db import models

from core.ids import new_id
from exchange.models.instrument import Instrument


class Auction(models.Model):
    """One call auction, from its start to its uncross. Written by the sequencer only.

    Input until `no_cancel_at`; then orders may only improve until `close_from_at`; then it closes at an
    instant drawn between that and `closes_at`. Price, volume and surplus are what an uncross would do, and
    once it is done what it did; one that was stopped is done without a price.
    """

    class Kind(models.TextChoices):
        """Why it is held."""

        SCHEDULED = "scheduled"
        VOLATILITY = "volatility"
        OPEN = "open"
        REOPEN = "reopen"
        CLOSE = "close"

    class State(models.TextChoices):
        """Where it is."""

        INPUT = "input"
        NO_CANCEL = "no_cancel"
        RANDOM_CLOSE = "random_close"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="auctions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=12, choices=State.choices)
    reference_ticks = models.BigIntegerField()
    started_at = models.DateTimeField()
    no_cancel_at = models.DateTimeField()
    close_from_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    then_phase = models.CharField(max_length=12, choices=Instrument.Phase.choices)
    delivers_until = models.DateTimeField(null=True)
    price_ticks = models.BigIntegerField(null=True)
    volume_lots = models.BigIntegerField(default=0)
    surplus_lots = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["instrument"], condition=~models.Q(state="done"), name="auction_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["instrument", "-started_at"], name="auction_instrument")]

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at:%Y-%m-%d %H:%M:%S}"


class AuctionSchedule(models.Model):
    """When an instrument holds auctions: at every multiple of `every_s` since the epoch plus `offset_s`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="schedules")
    every_s = models.IntegerField()
    offset_s = models.IntegerField(default=0)
    input_s = models.IntegerField()
    no_cancel_s = models.IntegerField()
    random_close_s = models.IntegerField()
    then_phase = models.CharField(max_length=12, choices=Instrument.Phase.choices)
    is_active = models.BooleanField(default=True)
    last_started_for = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(every_s__gt=0, offset_s__gte=0, input_s__gt=0)
                & models.Q(no_cancel_s__gte=0, random_close_s__gte=0),
                name="schedule_periods",
            ),
        ]

    def __str__(self) -> str:
        return f"every {self.every_s} s"


class StandingOffer(models.Model):
    """Idle capacity that a provider offers in each auction of an instrument until it withdraws the offer."""

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="standing_offers")
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.quantity_lots} @ {self.price_ticks}"
