"""Payees: to whom and how earnings are paid out."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class Payee(models.Model):
    """An organisation's account at Stripe (Connect Express), as it was when last read there.

    `requirements` are what Stripe still wants to know. `failed_bank_fingerprint` is the bank account to which
    a payout failed: nothing more is paid out until it is another. `asked_at` is when the reconciler
    last asked about it, answered (`read_at`) or not.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.OneToOneField("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2)
    stripe_account_id = models.CharField(max_length=255, null=True)
    attempt = models.SmallIntegerField(default=1)
    details_submitted = models.BooleanField(default=False)
    payouts_enabled = models.BooleanField(default=False)
    transfers_active = models.BooleanField(default=False)
    requirements = ArrayField(models.CharField(max_length=200), default=list)
    disabled_reason = models.CharField(max_length=200, blank=True)
    bank_fingerprint = models.CharField(max_length=64, blank=True)
    bank_last4 = models.CharField(max_length=4, blank=True)
    failed_bank_fingerprint = models.CharField(max_length=64, blank=True)
    address_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stripe_account_id"], name="payee_account_once")]

    @property
    def status(self) -> str:
        """Return `onboarding`, `restricted`, `bank_failed`, or `active`: then it is paid."""
        if self.stripe_account_id is None or not self.details_submitted:
            return "onboarding"
        if not (self.payouts_enabled and self.transfers_active):
            return "restricted"
        if self.bank_fingerprint == self.failed_bank_fingerprint != "":
            return "bank_failed"
        return "active"

    def __str__(self) -> str:
        return f"{self.organisation_id} ({self.status})"
