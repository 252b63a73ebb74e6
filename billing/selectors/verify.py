"""Check the whole ledger and name the first row that breaks each rule.

Everything takes a cursor, so that a check sees what its transaction sees: the command gives it one
snapshot of the database, a test an uncommitted fault.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from billing.ledger.posting import body_digest
from billing.selectors.invariants import INVARIANTS, Invariant

_BATCH: Final = 5_000
_registered: dict[str, Invariant] = {}
ENTRY_RULE: Final = "an entry's legs are numbered from 0 without a gap and say what its digest says"


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking one rule gave: the first broken row, or None."""

    name: str
    rule: str
    broken: str | None


def register(invariants: Iterable[Invariant]) -> None:
    """Have invariants of an app above checked too; called when that app is ready."""
    _registered.update({invariant.name: invariant for invariant in invariants})


def verify(cursor: CursorWrapper) -> list[Finding]:
    """Check every invariant; return one finding each, with the first broken row named."""
    findings = [
        Finding(invariant.name, invariant.rule, _first(cursor, invariant.broken_sql))
        for invariant in (*INVARIANTS, *_registered.values())
    ]
    return [*findings, Finding("entry_says_its_digest", ENTRY_RULE, next(_broken_entries(cursor), None))]


def _first(cursor: CursorWrapper, broken_sql: str) -> str | None:
    cursor.execute(f"SELECT * FROM ({broken_sql}) broken LIMIT 1")  # noqa: S608 - our own constants
    row = cursor.fetchone()
    return str(row[0]) if row else None


def _broken_entries(cursor: CursorWrapper) -> Iterator[str]:
    """Yield the entries whose stored legs do not hash to the stored digest (one without legs included)."""
    for entry_id, lines in groupby(_entry_lines(cursor), key=lambda line: line[0]):
        rows = list(lines)
        _, key, digest, kind, ref, *_ = rows[0]
        legs = [line[5:] for line in rows if line[5] is not None]
        numbered = [leg[0] for leg in legs] == list(range(len(legs)))
        if not legs or not numbered or body_digest(kind, ref, (leg[1:] for leg in legs)) != bytes(digest):
            yield f"entry {entry_id}: {key}"


def _entry_lines(cursor: CursorWrapper) -> Iterator[tuple[Any, ...]]:
    cursor.execute(
        """
        DECLARE billing_verify NO SCROLL CURSOR FOR
        SELECT e.id, e.key, e.body_sha256, e.kind, e.ref, t.leg, t.debit_id, t.credit_id, t.asset, t.amount
        FROM billing_entry e LEFT JOIN billing_transfer t ON t.entry_id = e.id ORDER BY e.id, t.leg
        """
    )
    try:
        while True:
            cursor.execute(f"FETCH {_BATCH} FROM billing_verify")
            lines = cursor.fetchall()
            if not lines:
                return
            yield from lines
    finally:
        cursor.execute("CLOSE billing_verify")
