"""Trades: the public match events."""

from django.db import models

from exchange.models.instrument import Instrument
from exchange.models.order import Order


class Trade(models.Model):
    """A match of two orders at the maker's price. `sequence` is dense per instrument.

    Money: the buyer paid price + buyer_fee, the seller's fee was taken out of the price.
    """

    id = models.UUIDField(primary_key=True)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="trades")
    sequence = models.BigIntegerField()
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    notional_nano_usd = models.BigIntegerField()
    buyer_fee_nano_usd = models.BigIntegerField()
    seller_fee_nano_usd = models.BigIntegerField()
    taker_side = models.CharField(max_length=4)
    buy_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="buys")
    sell_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="sells")
    traded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "sequence"], name="trade_sequence")]

    def __str__(self) -> str:
        return f"{self.quantity_lots} @ {self.price_ticks}"
