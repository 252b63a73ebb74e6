"""Lock the balances of accounts and read them, in the one order everybody uses."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.ledger.chart import AccountRef
from billing.models import Balance


@dataclass(frozen=True, slots=True)
class LockedBalance:
    """What an account has, in its asset's unit, as of the lock."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        """Return what is not held."""
        return self.posted - self.held


def balances_lock(*, accounts: Sequence[AccountRef]) -> dict[AccountRef, LockedBalance]:
    """This function will lock the accounts' balance rows in the caller's transaction and return them.

    Rows are locked in the order of their ids, as `ledger_post` does, so that no two callers deadlock.
    An account that has never been posted to has nothing.
    """
    rows = (
        Balance.objects.filter(account_id__in=[account.id for account in accounts])
        .order_by("account_id")
        .select_for_update(no_key=True)
    )
    found = {row.account_id: LockedBalance(row.posted, row.held) for row in rows}
    return {account: found.get(account.id, LockedBalance(0, 0)) for account in accounts}
