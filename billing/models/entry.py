"""Journal entries and their transfers: append-only, balanced by construction."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from billing.models.account import Account
from core.xid import XID_RANGE, xid_field


class Entry(models.Model):
    """One thing that happened to money or compute, under its idempotency key."""

    id = models.UUIDField(primary_key=True)
    key = models.CharField(max_length=255)
    body_sha256 = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=40)
    ref = models.CharField(max_length=80, blank=True)
    event_at = models.DateTimeField()
    booked_at = models.DateTimeField(db_default=Now())
    xid = xid_field()

    class Meta:
        # A constraint, not `unique=True`, which would add a second index for LIKE to every posting.
        constraints = [models.UniqueConstraint(fields=["key"], name="entry_key_once")]
        indexes = [
            BrinIndex(fields=["xid"], name="entry_xid", **XID_RANGE),
            BrinIndex(fields=["booked_at"], name="entry_booked", **XID_RANGE),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Transfer(models.Model):
    """One leg: `amount` of `asset` leaves `debit` and reaches `credit` (so Σ = 0 by construction)."""

    id = models.BigAutoField(primary_key=True)
    # The trigger billing_transfer_belongs checks these three, for a statement's rows together; the unique
    # (entry, leg) below is the index on entry.
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="transfers", db_index=False, db_constraint=False
    )
    leg = models.SmallIntegerField()
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    amount = models.BigIntegerField()
    asset = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "leg"], name="transfer_leg_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=~models.Q(debit=models.F("credit")), name="transfer_between_two_accounts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.asset}"
