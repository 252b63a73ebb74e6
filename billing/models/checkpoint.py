"""Checkpoints: what house accounts had when all transactions below a number had ended."""

from django.db import models

from billing.models.account import Account


class Checkpoint(models.Model):
    """`posted` of a house account by all transactions below `cut_xid`; what came since is added to it.

    The accounts without a limit have no balance row, so that posting to them never waits; a checkpoint is
    what keeps reading them short. All that there were are in each cut, so the newest cut is all one needs.
    """

    pk = models.CompositePrimaryKey("cut_xid", "account_id")
    cut_xid = models.BigIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    posted = models.DecimalField(max_digits=38, decimal_places=0)  # a sum of bigints may pass a bigint
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.posted} below {self.cut_xid}"
