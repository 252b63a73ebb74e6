"""What accounts have. An expired hold counts as free here, before any sweep has ended it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.selectors.account_balance import AccountBalance
from billing.selectors.balances_as_of import balances_as_of, moved_until
from billing.selectors.house import house_balances

_WITH_LIMIT: Final = """
    SELECT b.account_id, b.posted, b.held - coalesce(expired.amount, 0)
    FROM billing_balance b LEFT JOIN LATERAL (
        SELECT sum(h.placed - h.captured - h.released) AS amount FROM billing_hold h
        WHERE h.account_id = b.account_id AND h.ended_at IS NULL AND h.expires_at <= clock_timestamp()
    ) expired ON true
    WHERE b.account_id = ANY(%s)
"""
_IN_TRANSIT: Final = """
    SELECT coalesce(sum(-amount), 0) FROM billing_posting
    WHERE account_id = ANY(%(own)s) AND counter_id = %(transit)s
"""
_DEBITED: Final = """
    SELECT t.debit_id, sum(t.amount)::bigint
    FROM billing_transfer t JOIN billing_entry e ON e.id = t.entry_id
    WHERE t.debit_id = ANY(%s) AND e.kind = %s GROUP BY t.debit_id
"""
_TRIAL: Final = """
    SELECT asset, sum(amount)::numeric FROM (
        SELECT a.asset, b.posted AS amount
        FROM billing_balance b JOIN billing_account a ON a.id = b.account_id
        UNION ALL
        SELECT a.asset, p.amount
        FROM billing_posting p JOIN billing_account a ON a.id = p.account_id
        WHERE NOT EXISTS (SELECT FROM billing_balance b WHERE b.account_id = a.id)
    ) everything GROUP BY asset ORDER BY asset
"""


@dataclass(frozen=True, slots=True)
class OrganisationBalance:
    """An organisation's money, nano-USD. `transit` is on its way from funding to the wallet or back."""

    funding: int
    transit: int
    wallet_posted: int
    wallet_held: int
    earnings: int
    hold_back: int


def balances(accounts: Sequence[AccountRef]) -> dict[AccountRef, AccountBalance]:
    """Return the balance of each account; nothing, where nothing was ever posted."""
    with connection.cursor() as cursor:
        cursor.execute(_WITH_LIMIT, [[account.id for account in accounts]])
        found = {row[0]: AccountBalance(row[1], int(row[2])) for row in cursor.fetchall()}
    house = house_balances([account.id for account in accounts if not account.has_balance])
    found |= {account_id: AccountBalance(amount, 0) for account_id, amount in house.items()}
    return {account: found.get(account.id, AccountBalance(0, 0)) for account in accounts}


def posted(account: AccountRef) -> int:
    """Return credits − debits of the account."""
    return balances([account])[account].posted


def held(account: AccountRef) -> int:
    """Return what open, unexpired holds set aside on the account."""
    return balances([account])[account].held


def available(account: AccountRef) -> int:
    """Return posted − held."""
    return balances([account])[account].available


def debited(accounts: Sequence[AccountRef], *, entry_kind: str) -> dict[AccountRef, int]:
    """Return what left each account by entries of one kind, such as `settle`."""
    with connection.cursor() as cursor:
        cursor.execute(_DEBITED, [[account.id for account in accounts], entry_kind])
        found = dict(cursor.fetchall())
    return {account: found.get(account.id, 0) for account in accounts}


def organisation_balance(organisation_id: uuid.UUID, *, as_of: datetime | None = None) -> OrganisationBalance:
    """Return all of an organisation's money that is not in escrow: now, or as it was booked at a moment."""
    kinds = (Kind.FUNDING, Kind.WALLET, Kind.EARNINGS, Kind.HOLD_BACK)
    accounts = [of_organisation(kind, organisation_id) for kind in kinds]
    found = balances(accounts) if as_of is None else balances_as_of(accounts, as_of)
    funding, wallet, earnings, hold_back = (found[account] for account in accounts)
    transit = _in_transit(accounts[:2]) if as_of is None else _in_transit_as_of(accounts[:2], as_of)
    return OrganisationBalance(
        funding=funding.posted,
        transit=transit,
        wallet_posted=wallet.posted,
        wallet_held=wallet.held,
        earnings=earnings.posted,
        hold_back=hold_back.posted,
    )


def _in_transit(own: Sequence[AccountRef]) -> int:
    with connection.cursor() as cursor:
        transit = of_house(Kind.TRANSIT).id
        cursor.execute(_IN_TRANSIT, {"own": [account.id for account in own], "transit": transit})
        return _first_int(cursor.fetchone())


def _in_transit_as_of(own: Sequence[AccountRef], moment: datetime) -> int:
    moved = moved_until(own, moment)
    return -sum(amount for (_, counter), amount in moved.items() if counter == "transit")


def trial_balance() -> dict[str, int]:
    """Return per asset the sum over all accounts, balance rows where there are any: 0 if all is well."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIAL)
        return {asset: int(total) for asset, total in cursor.fetchall()}


def _first_int(row: tuple[int, ...] | None) -> int:
    return int(row[0]) if row else 0
