"""Check the whole ledger and name the first row that breaks each rule.

Everything takes a cursor, so that a check sees what its transaction sees: the command gives it one
snapshot of the database, a test an uncommitted fault.
"""

from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

from billing.selectors.account_ids import ACCOUNT_RULE, broken_account
from billing.selectors.entry_digests import ENTRY_RULE, broken_entries
from billing.selectors.heads import check_heads
from billing.selectors.invariants import INVARIANTS, Finding, Invariant
from billing.selectors.seal_check import check_seals
from core.guards import GUARD_RULE, broken_guards

_registered: dict[str, Invariant] = {}


def register(invariants: Iterable[Invariant]) -> None:
    """Have invariants of an app above checked too; called when that app is ready."""
    _registered.update({invariant.name: invariant for invariant in invariants})


def verify(cursor: CursorWrapper) -> list[Finding]:
    """Check every invariant; return one finding each, with the first broken row named."""
    findings = [
        Finding(invariant.name, invariant.rule, _first(cursor, invariant.broken_sql))
        for invariant in (*INVARIANTS, *_registered.values())
    ]
    guards = Finding("guards_stand", GUARD_RULE, next(broken_guards(cursor), None))
    digests = Finding("entry_says_its_digest", ENTRY_RULE, next(broken_entries(cursor), None))
    accounts = Finding("account_says_its_id", ACCOUNT_RULE, broken_account(cursor))
    return [*findings, guards, digests, accounts, *check_seals(cursor), check_heads(cursor)]


def _first(cursor: CursorWrapper, broken_sql: str) -> str | None:
    cursor.execute(f"SELECT * FROM ({broken_sql}) broken LIMIT 1")  # noqa: S608 - our own constants
    row = cursor.fetchone()
    return str(row[0]) if row else None
