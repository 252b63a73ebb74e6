"""Trades: the public match events."""

from django.db import models

from exchange.models.instrument import Instrument
from exchange.models.order import Order


class Bust(models.Model):
    """A trade undone by two operators with a compensating entry; the trade's own row stays as it was."""

    trade = models.OneToOneField("exchange.Trade", on_delete=models.PROTECT, primary_key=True)
    requested_by = models.CharField(max_length=80)
    approved_by = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    busted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.trade_id} {self.reason}"


class Trade(models.Model):
    """A match of two orders at the maker's price, or all at one in an auction. `sequence` is dense per
    instrument.

    Money: the buyer paid price + buyer_fee, the seller's fee was taken out of the price. Index and candles
    leave out what says nothing about the price: one account on both sides (`is_self`, only in an auction),
    an order that chose its providers (`is_selective`), compute sold on (`is_resale`), and busted trades.
    """

    id = models.UUIDField(primary_key=True)
    # The unique (instrument, sequence) below is the index on instrument. No constraints, as in `Order`:
    # `trade_names_its_orders` of the invariants checks what they would.
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="trades", db_index=False, db_constraint=False
    )
    sequence = models.BigIntegerField()
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    notional_nano_usd = models.BigIntegerField()
    buyer_fee_nano_usd = models.BigIntegerField()
    seller_fee_nano_usd = models.BigIntegerField()
    taker_side = models.CharField(max_length=4)
    buy_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="buys", db_constraint=False)
    sell_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="sells", db_constraint=False)
    traded_at = models.DateTimeField()
    is_self = models.BooleanField(default=False)
    is_selective = models.BooleanField(default=False)
    is_resale = models.BooleanField(default=False)
    auction_id = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "sequence"], name="trade_sequence")]
        indexes = [models.Index(fields=["instrument", "traded_at"], name="trade_time")]

    def __str__(self) -> str:
        return f"{self.quantity_lots} @ {self.price_ticks}"
