"""The short way of a batch that is one transfer: `billing_transfer_post` (migrations/sql/transfer_post.sql).

It posts what is plain to post. Whatever else there is to decide (a key known already, too little, an account
to be made) it leaves to `billing_batch_post`, and so cannot differ from it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from billing.ledger.posting import BatchItem
from core.ids import new_id_text
from core.pipe import Statement

_ARGUMENT_TYPES: Final = (
    *("uuid", "text", "bytea", "text", "text", "timestamptz"),  # the entry
    *("uuid", "uuid", "bigint", "text"),  # its one leg
    "int",  # how many of the accounts have a limit
    "timestamptz",  # booked
)
_ARGUMENTS: Final = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_ARGUMENT_TYPES, 1))
_SQL: Final = f"SELECT billing_transfer_post({_ARGUMENTS})"
POSTED: Final = b"t"
"""The result of the statement where the transfer was posted."""


def transfer_statement(items: Sequence[BatchItem], now: datetime) -> Statement | None:
    """Return the statement that posts this batch, or None if it is more, or less, than one transfer."""
    if len(items) != 1:
        return None
    (item,) = items
    entry = item.entry
    if entry is None or len(entry.legs) != 1 or item.placements or item.steps:
        return None
    (leg,) = entry.legs
    parameters = (
        new_id_text(),
        entry.key,
        f"\\x{entry.body_sha256.hex()}",
        entry.kind,
        entry.ref,
        entry.event_at.isoformat(),
        leg.debit.id_text,
        leg.credit.id_text,
        str(leg.amount),
        leg.debit.asset,
        str(leg.debit.has_balance + leg.credit.has_balance),
        now.isoformat(),
    )
    return Statement(_SQL, [parameter.encode() for parameter in parameters])
