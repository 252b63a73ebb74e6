"""The audit log: who did what that matters, for good."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from core.ids import new_id
from core.xid import XID_RANGE, xid_field


class AuditRecord(models.Model):
    """`actor` did `action` to `subject`. Append-only, and sealed with the ledger.

    `organisation_id` is whom it concerns, if one alone. There is no foreign key: the log depends on nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    organisation_id = models.UUIDField(null=True)
    detail = models.JSONField()
    xid = xid_field()

    class Meta:
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_of_action"),
            BrinIndex(fields=["xid"], name="audit_xid", **XID_RANGE),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"
