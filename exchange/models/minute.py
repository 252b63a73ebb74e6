"""Trades added up by the minute, so that nobody reads a year of them for a chart."""

from django.db import models

from exchange.models.instrument import Instrument


class MinutesRolled(models.Model):
    """Minutes of an instrument that start before `until` are added up; the others are read from trades."""

    instrument = models.OneToOneField(
        Instrument, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until:%Y-%m-%d %H:%M}"


class MinuteCandle(models.Model):
    """The printed trades of one minute; a minute without any has no row.

    A row is written once. Where a trade is busted later, the minute is read from its trades instead.
    """

    pk = models.CompositePrimaryKey("instrument", "start_at")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    start_at = models.DateTimeField()
    open_ticks = models.BigIntegerField()
    high_ticks = models.BigIntegerField()
    low_ticks = models.BigIntegerField()
    close_ticks = models.BigIntegerField()
    volume_lots = models.BigIntegerField()
    turnover_nano_usd = models.BigIntegerField()
    trades = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.start_at:%Y-%m-%d %H:%M} {self.close_ticks}"
