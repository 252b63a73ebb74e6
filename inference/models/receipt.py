"""Receipts: the signed proof of each completed job."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from core.ids import new_id
from core.xid import XID_RANGE, xid_field
from inference.models.job import Job
from inference.models.provider import Provider


class Receipt(models.Model):
    """The canonical bytes that provider and exchange signed, chained by hash per provider."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="receipt")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="receipts")
    sequence = models.BigIntegerField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    document = models.BinaryField()
    created_at = models.DateTimeField()
    xid = xid_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "sequence"], name="receipt_sequence")]
        indexes = [BrinIndex(fields=["xid"], name="receipt_xid", **XID_RANGE)]

    def __str__(self) -> str:
        return f"receipt {self.sequence} of {self.provider}"
