"""Seals: blocks of ledger rows whose digests form a hash chain, and the heads of it that were signed."""

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import Exact

HASH_BYTES = 32


def _bytes_are(column: str, length: object) -> Q:
    size = Func(F(column), function="octet_length", output_field=models.BigIntegerField())
    return Q(Exact(size, length))


class Seal(models.Model):
    """One block: all rows whose transaction is in `from_xid` … `to_xid` − 1, and the chain up to here."""

    height = models.BigIntegerField(primary_key=True)
    from_xid = models.BigIntegerField()
    to_xid = models.BigIntegerField()
    content_hash = models.BinaryField()
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(height__gte=1, from_xid__gte=0, to_xid__gt=F("from_xid")), name="seal_has_a_range"
            ),
            models.CheckConstraint(
                condition=_bytes_are("content_hash", HASH_BYTES)
                & _bytes_are("previous_hash", HASH_BYTES)
                & _bytes_are("hash", HASH_BYTES),
                name="seal_hashes_are_sha256",
            ),
        ]

    def __str__(self) -> str:
        return f"seal {self.height}"


class SealPart(models.Model):
    """What a block holds of one source: how many rows, the digest of their digests, and a leaf for each.

    A leaf is the first 8 bytes of a row's SHA-256, in the source's order: enough to name the row that was
    changed, while `digest` (of the full digests) is what proves that none was.
    """

    pk = models.CompositePrimaryKey("seal_id", "source")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="parts", db_index=False)
    source = models.CharField(max_length=40)
    version = models.SmallIntegerField()
    row_count = models.BigIntegerField()
    digest = models.BinaryField()
    leaves = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(row_count__gt=0)
                & _bytes_are("digest", HASH_BYTES)
                & _bytes_are("leaves", 8 * F("row_count")),
                name="sealpart_has_a_leaf_a_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row_count} {self.source}"


class Head(models.Model):
    """A hash of the chain that the exchange signed and published."""

    seal = models.OneToOneField(Seal, on_delete=models.PROTECT, primary_key=True)
    hash = models.BinaryField()
    published_at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=_bytes_are("hash", HASH_BYTES) & _bytes_are("signature", 64),
                name="head_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"head {self.pk}"
