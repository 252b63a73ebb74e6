"""Turn a batch into the arrays that `billing_ledger_post` takes, in its order.

Arrays are written as PostgreSQL's array literals here: the driver's own way, element by element through
adapters, took most of a large batch's time.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.ledger.chart import AccountRef
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry

ARGUMENT_TYPES: Final = (
    *("uuid[]", "text[]", "text[]", "uuid[]", "uuid[]", "bigint[]"),  # accounts
    *("uuid[]", "text[]", "bytea[]", "text[]", "text[]", "timestamptz[]"),  # entries
    *("uuid[]", "int[]", "uuid[]", "uuid[]", "bigint[]", "text[]"),  # legs
    *("uuid[]", "uuid[]", "bigint[]", "text[]", "text[]", "timestamptz[]"),  # placements
    *("uuid[]", "bigint[]", "bigint[]"),  # steps
    "timestamptz",  # booked
)


def array_literal(values: Sequence[Any]) -> str:
    """Return PostgreSQL's text form of an array of UUIDs, integers, texts, bytes, times; any may be None."""
    example = next((value for value in values if value is not None), None)
    if isinstance(example, str):
        return text_array(values)
    if isinstance(example, bytes):
        return "{" + ",".join(["NULL" if v is None else f"\\\\x{v.hex()}" for v in values]) + "}"
    # None of the others needs quotes, or writes "None" but for None itself.
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def text_array(texts: Sequence[str | None]) -> str:
    """Return PostgreSQL's text form of an array of texts."""
    quoted = ["NULL" if text is None else f'"{_escaped(text)}"' for text in texts]
    return "{" + ",".join(quoted) + "}"


def _escaped(text: str) -> str:
    if '"' in text or "\\" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[str]:
    """Turn rows into `width` array literals, also when there are no rows."""
    return [array_literal(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def account_arguments(
    entries: Sequence[JournalEntry],
    placements: Sequence[HoldPlacement],
    issue_floors: Mapping[AccountRef, int],
) -> list[str]:
    """Return every account of the batch once: id, kind, asset, organisation, entitlement, floor."""
    accounts = {placement.account for placement in placements}
    for entry in entries:
        for leg in entry.legs:
            accounts.add(leg.debit)
            accounts.add(leg.credit)
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


def entry_arguments(entries: Sequence[JournalEntry], entry_ids: Sequence[uuid.UUID]) -> list[str]:
    """Return the entries: id, key, digest of the body, kind, ref, event_at."""
    rows = [
        (entry_id, entry.key, entry.body_sha256, entry.kind, entry.ref, entry.event_at)
        for entry, entry_id in zip(entries, entry_ids, strict=True)
    ]
    return columns(rows, 6)


def leg_arguments(entries: Sequence[JournalEntry], entry_ids: Sequence[uuid.UUID]) -> list[str]:
    """Return the legs: id of the entry, number within it, debit, credit, amount, asset."""
    rows = [
        (entry_id, number, leg.debit.id_text, leg.credit.id_text, leg.amount, leg.debit.asset)
        for entry, entry_id in zip(entries, entry_ids, strict=True)
        for number, leg in enumerate(entry.legs)
    ]
    return columns(rows, 6)


def placement_arguments(placements: Sequence[HoldPlacement]) -> list[str]:
    """Return the holds to place: id, account, amount, kind, ref, expires_at."""
    rows = [(p.hold_id, p.account.id_text, p.amount, p.kind, p.ref, p.expires_at) for p in placements]
    return columns(rows, 6)


def step_arguments(steps: Sequence[HoldStep]) -> list[str]:
    """Return the steps: id of the hold, captured, released."""
    return columns([(step.hold_id, step.capture, step.release) for step in steps], 3)
