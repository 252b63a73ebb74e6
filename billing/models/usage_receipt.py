"""Usage receipts: how far a lease has used compute, before anything is posted for it."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from core.xid import XID_RANGE, xid_field


class UsageReceipt(models.Model):
    """All of a lease's compute up to a point of it. The newest receipt of a lease is what has accrued.

    `sequence` grows along the lease; for answers it is the number of output tokens counted. Rows are
    append-only, and what a lease has used never falls; the triggers of usage_receipts.sql see to both.
    """

    pk = models.CompositePrimaryKey("lease_id", "sequence")
    lease_id = models.UUIDField()
    sequence = models.IntegerField()
    organisation_id = models.UUIDField()
    compute_ucu = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())
    xid = xid_field()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence__gte=0, compute_ucu__gte=0), name="usage_not_negative"
            )
        ]
        indexes = [BrinIndex(fields=["xid"], name="usage_xid", **XID_RANGE)]

    def __str__(self) -> str:
        return f"{self.compute_ucu} µCU at {self.sequence}"
