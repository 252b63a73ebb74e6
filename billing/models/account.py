"""Ledger accounts and the balances of those that have a limit."""

from django.db import models
from django.db.models.functions import Now

from billing.ledger.chart import DEBT_FLOOR


class Account(models.Model):
    """A holder of an amount of one asset.

    The id is derived from what the account is (`billing.ledger.chart.account_id`), so that posting
    never has to look one up. `organisation_id` and `entitlement_id` are plain ids: billing lies
    below the apps that own those tables, and the ledger keeps its rows whatever happens there.
    """

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=24)
    asset = models.CharField(max_length=80)
    organisation_id = models.UUIDField(null=True)
    entitlement_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "asset", "organisation_id", "entitlement_id"],
                nulls_distinct=False,
                name="account_identity",
            ),
        ]
        indexes = [models.Index(fields=["organisation_id", "kind"], name="account_organisation")]

    def __str__(self) -> str:
        return f"{self.kind} {self.asset}"


class Balance(models.Model):
    """What an account with a limit has: posted = credits − debits, held = open holds on it.

    House accounts without a limit have no such row; their balance is the sum of their transfers.
    Invariant 2 (available = posted − held ≥ floor) is the CHECK below.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(posted__gte=models.F("floor") + models.F("held")),
                name="balance_available_not_below_floor",
            ),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="balance_held_not_negative"),
            # Only a dispute debt has this floor: it is repaid at most to nothing.
            models.CheckConstraint(
                condition=models.Q(posted__lte=0) | models.Q(floor__gt=DEBT_FLOOR),
                name="balance_debt_not_overpaid",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.posted} posted, {self.held} held"
