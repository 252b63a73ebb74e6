"""What the sequencer tells the world and each account, in the transaction in which it happened.

No foreign keys: each event stands beside a row that has them, and is forgotten after a while.
"""

from django.db import models

from exchange.models.instrument import Instrument


class MarketEvent(models.Model):
    """What a batch changed in one book: levels, trades, phase. `sequence` is dense per instrument."""

    pk = models.CompositePrimaryKey("instrument", "sequence")
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="events", db_index=False, db_constraint=False
    )
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    payload = models.TextField()

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.sequence}"


class AccountEvent(models.Model):
    """What happened to one order, or to the wallet, of an account. `sequence` is dense per organisation."""

    pk = models.CompositePrimaryKey("organisation", "sequence")
    organisation = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    payload = models.TextField()

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.sequence}"
