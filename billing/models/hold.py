"""Holds: a part of a balance set aside, captured in part, released or expired."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from billing.models.account import Account
from core.xid import XID_RANGE, xid_field


class Hold(models.Model):
    """`placed` was set aside on `account`; `captured` of it became transfers, `released` went back.

    Its end is recorded once: `ended_at` is set when captured + released reaches placed.
    """

    id = models.UUIDField(primary_key=True)
    # The partial indexes below are the index on account; the trigger billing_hold_belongs checks it.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="holds", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=24)
    ref = models.CharField(max_length=80)
    placed = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    xid = xid_field()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(placed__gt=0, captured__gte=0, released__gte=0),
                name="hold_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    ended_at__isnull=True, placed__gt=models.F("captured") + models.F("released")
                )
                | models.Q(ended_at__isnull=False, placed=models.F("captured") + models.F("released")),
                name="hold_ends_when_resolved",
            ),
        ]
        indexes = [
            models.Index(fields=["account"], name="hold_open", condition=models.Q(ended_at__isnull=True)),
            models.Index(
                fields=["account", "expires_at"],
                name="hold_expiring",
                condition=models.Q(ended_at__isnull=True, expires_at__isnull=False),
            ),
            models.Index(fields=["kind", "ref"], name="hold_ref"),
            BrinIndex(fields=["xid"], name="hold_xid", **XID_RANGE),
        ]

    def __str__(self) -> str:
        return f"{self.kind} hold of {self.placed}"
