"""Days of organisations' accounts: what moved in each, so that nobody adds up a whole life."""

from django.db import models

from billing.models.account import Account


class DaysRolled(models.Model):
    """The one row: the transfers of all transactions below `cut_xid` are added up; others are not."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    cut_xid = models.BigIntegerField()

    def __str__(self) -> str:
        return f"below {self.cut_xid}"


class AccountDay(models.Model):
    """What came into (`is_in`) or left one account by entries of one kind booked on a day (UTC).

    `counter` says where it came from or went: to an account of the same organisation (`own`), `transit`, or
    `other`. Late bookings are added to the day that they name. Sums of the ledger, which can be made again.
    """

    pk = models.CompositePrimaryKey("account_id", "day", "entry_kind", "counter", "is_in")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    day = models.DateField()
    entry_kind = models.CharField(max_length=40)
    counter = models.CharField(max_length=8)
    is_in = models.BooleanField()
    amount = models.DecimalField(max_digits=38, decimal_places=0)  # a sum of bigints may pass a bigint

    def __str__(self) -> str:
        return f"{self.amount} by {self.entry_kind} on {self.day}"
