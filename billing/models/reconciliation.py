"""What comparing our books with Stripe's gave, day by day."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class Reconciliation(models.Model):
    """One comparison of the books with Stripe's. Amounts in nano-USD, as counted at `read_at`.

    `breaks` are texts, the first first; none: all agreed. `undone` are moves of transfers that these books do
    not know and that came back whole. `figures` are the balance sheet.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    since = models.DateTimeField(null=True)
    read_at = models.DateTimeField()
    stripe_nano_usd = models.BigIntegerField()
    ledger_nano_usd = models.BigIntegerField()
    waiting_nano_usd = models.BigIntegerField()
    movements = models.IntegerField()
    breaks = models.JSONField(default=list)
    undone = models.JSONField(default=list, db_default=[])
    figures = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["-read_at"], name="reconciliation_latest")]

    @property
    def is_clean(self) -> bool:
        """Tell whether all agreed."""
        return not self.breaks

    def __str__(self) -> str:
        return f"{self.read_at:%Y-%m-%d %H:%M}: {len(self.breaks)} breaks"
