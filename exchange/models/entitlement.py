"""Entitlements: compute bought and deliverable in a window."""

from django.db import models

from billing.ledger.chart import AccountRef, Kind, of_entitlement
from core.money import share_released
from exchange.models.instrument import Instrument
from exchange.models.trade import Trade


class Entitlement(models.Model):
    """`quantity_ucu` (Q) from `provider`, drawable by `holder` from `starts_at` until `ends_at`.

    The ledger knows the rest: the entitlement account's posted µCU is what is not drawn yet, its held
    µCU is what jobs have reserved; the escrow account's posted nano-USD is what is not released yet.
    `escrow_nano_usd` (N) and `fee_nano_usd` (F) are what the trade put in, for the exact split. One that was
    split off to be sold on names its `origin`; while `lodged` it belongs to an offer and is not drawn, and
    it is `sold` when nothing of it is left.
    """

    class State(models.TextChoices):
        """Live, or one of the ends."""

        LIVE = "live"
        LODGED = "lodged"
        SOLD = "sold"
        BUSTED = "busted"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True)
    origin = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="parts")
    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="entitlements")
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="entitlements", db_index=False
    )
    holder = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="entitlements")
    provider = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="issued")
    quantity_ucu = models.BigIntegerField()
    escrow_nano_usd = models.BigIntegerField()
    fee_nano_usd = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.LIVE)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity_ucu__gt=0, escrow_nano_usd__gte=0, fee_nano_usd__gte=0),
                name="entitlement_amounts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["holder", "ends_at"], name="entitlement_live_holder", condition=models.Q(state="live")
            ),
            models.Index(
                fields=["provider", "ends_at"],
                name="entitlement_live_provider",
                condition=models.Q(state="live"),
            ),
            models.Index(
                fields=["provider", "ends_at"],
                name="entitlement_lodged",
                condition=models.Q(state="lodged"),
            ),
        ]

    def account(self, kind: Kind) -> AccountRef:
        """Return the entitlement's account of this kind."""
        return of_entitlement(kind, self.id, self.instrument.compute_class_id)

    def released(self, *, undrawn_ucu: int, amount_ucu: int) -> tuple[int, int]:
        """Return what escrow and deferred fees release when `amount_ucu` of what is undrawn is used.

        ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ of each (ARCHITECTURE, "Drawing"): exact in sum, however use is split.
        """
        used = self.quantity_ucu - undrawn_ucu
        span = (used, used + amount_ucu, self.quantity_ucu)
        return share_released(self.escrow_nano_usd, *span), share_released(self.fee_nano_usd, *span)

    def released_at_most(self, *, amount_ucu: int) -> int:
        """Return the most, in nano-USD, that escrow and fees release for `amount_ucu`, wherever use stands.

        ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ ≤ ⌈N·(u₂ − u₁)/Q⌉.
        """
        return sum(
            -(-total * amount_ucu // self.quantity_ucu) for total in (self.escrow_nano_usd, self.fee_nano_usd)
        )

    def __str__(self) -> str:
        return f"{self.quantity_ucu} µCU until {self.ends_at:%Y-%m-%d %H:%M}"
