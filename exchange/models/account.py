"""What the sequencer knows of an account beside its wallet. Written by the sequencer only."""

from django.db import models

from exchange.models.instrument import Instrument


class TradingAccount(models.Model):
    """Limits, fee tier and kill switch of an account; one without a row has the defaults."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    is_blocked = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True)
    fee_tier = models.CharField(max_length=20, blank=True)
    max_open_orders = models.IntegerField(null=True)
    max_notional_nano_usd = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.organisation_id)


class FeeTier(models.Model):
    """Fees of an instrument for accounts of a tier, instead of its own."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="fee_tiers")
    tier = models.CharField(max_length=20)
    maker_fee_ppm = models.IntegerField()
    taker_fee_ppm = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "tier"], name="fee_tier_once")]

    def __str__(self) -> str:
        return self.tier


class DeadMan(models.Model):
    """A dead-man switch: all open orders of the account are cancelled unless it is renewed in time."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    timeout_s = models.IntegerField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.timeout_s} s"
