"""Turn a batch of items into the arrays that `billing_batch_post` takes, in its order.

Accounts, holds and items are meant by their positions, counted from 1: an integer is read in a fraction of
the time that an id takes, here and in PostgreSQL.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from billing.ledger.chart import AccountRef
from billing.ledger.posting import BatchItem
from billing.services.posting_arguments import array_literal, columns
from core.ids import new_id_text

ARGUMENT_TYPES: Final = (
    *("uuid[]", "text[]", "text[]", "uuid[]", "uuid[]", "bigint[]"),  # accounts
    *("uuid[]", "text[]", "bytea[]", "text[]", "text[]", "timestamptz[]", "int[]"),  # entries
    *("int[]", "int[]", "int[]", "int[]", "bigint[]"),  # legs
    "uuid[]",  # holds
    *("int[]", "int[]", "int[]", "bigint[]", "text[]", "text[]", "timestamptz[]"),  # placements
    *("int[]", "int[]", "bigint[]", "bigint[]"),  # steps
    "timestamptz",  # booked
)
_NO_ENTRY: Final = (None,) * 6


class _Positions(dict[Any, int]):
    """Gives whatever is asked for the first time the next position."""

    def __missing__(self, wanted: Any) -> int:
        self[wanted] = position = len(self) + 1
        return position


def batch_arguments(
    items: Sequence[BatchItem], issue_floors: Mapping[AccountRef, int], now: datetime
) -> list[str]:
    """Return the function's arguments in PostgreSQL's text form."""
    ordered = sorted(_touched(items), key=_limited_first)
    accounts = {account.id_text: position for position, account in enumerate(ordered, 1)}
    holds = _Positions()
    legs = [
        (item, leg_number, accounts[leg.debit.id_text], accounts[leg.credit.id_text], leg.amount)
        for item, posted in enumerate(items, 1)
        if posted.entry
        for leg_number, leg in enumerate(posted.entry.legs)
    ]
    placements = [
        (item, holds[p.hold_id], accounts[p.account.id_text], p.amount, p.kind, p.ref, p.expires_at)
        for item, posted in enumerate(items, 1)
        for p in posted.placements
    ]
    steps = [
        (item, holds[step.hold_id], step.capture, step.release)
        for item, posted in enumerate(items, 1)
        for step in posted.steps
    ]
    return [
        *_account_columns(ordered, issue_floors),
        *_entry_columns(items),
        *columns(legs, 5),
        array_literal(list(holds)),
        *columns(placements, 7),
        *columns(steps, 4),
        now.isoformat(),
    ]


def _touched(items: Sequence[BatchItem]) -> Collection[AccountRef]:
    touched = {}
    for item in items:
        if item.entry:
            for leg in item.entry.legs:
                touched[leg.debit.id_text] = leg.debit
                touched[leg.credit.id_text] = leg.credit
        for placement in item.placements:
            touched[placement.account.id_text] = placement.account
    return touched.values()


def _limited_first(account: AccountRef) -> tuple[bool, str]:
    """Sort accounts with a limit by id, as PostgreSQL does and locks them; then the others."""
    return not account.has_balance, account.id_text


def _account_columns(accounts: Sequence[AccountRef], issue_floors: Mapping[AccountRef, int]) -> list[str]:
    rows = [
        (
            account.id_text,
            account.kind.value,
            account.asset,
            account.organisation_id,
            account.entitlement_id,
            issue_floors.get(account, account.floor),
        )
        for account in accounts
    ]
    return columns(rows, 6)


def _entry_columns(items: Sequence[BatchItem]) -> list[str]:
    rows = [
        (new_id_text(), entry.key, entry.body_sha256, entry.kind, entry.ref, entry.event_at)
        if (entry := item.entry)
        else _NO_ENTRY
        for item in items
    ]
    return [*columns(rows, 6), array_literal(_next_same_key([row[1] for row in rows]))]


def _next_same_key(keys: Sequence[str | None]) -> list[int]:
    """Return for each item the next one with its key, 0 for none; nothing when all keys differ."""
    used = [key for key in keys if key is not None]
    if len(set(used)) == len(used):
        return []
    following, later = [0] * len(keys), dict[str, int]()
    for position in range(len(keys), 0, -1):
        key = keys[position - 1]
        if key is not None:
            following[position - 1] = later.get(key, 0)
            later[key] = position
    return following
