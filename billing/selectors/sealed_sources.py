"""What is sealed: of each source the table, the columns, and the canonical form of a row.

A row's digest is SHA-256 of its listed columns as PostgreSQL writes a record (`(a,b,"c d",)`, UTF-8), with
the settings of `pin_settings`. Anyone with the rows can compute it again. The list is versioned, and a seal
names the version it was made with: a column that is added to a sealed table later comes with a new version.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.backends.utils import CursorWrapper

_SETTINGS: Final = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}


@dataclass(frozen=True, slots=True)
class SealedSource:
    """A table (`r`) whose rows are sealed.

    `versions` are the lists of columns, the newest last. `place` sorts a block's rows (digests where it
    ties), `label` names one; `join` and `xid` say which transaction a row belongs to, when it is another
    table's to say. `judged` are columns that are not sealed, because something else says what they must be.
    """

    name: str
    table: str
    versions: tuple[tuple[str, ...], ...]
    place: str = "r.id"
    label: str = "r.id"
    join: str = ""
    xid: str = "r.xid"
    judged: tuple[str, ...] = ()

    @property
    def rows_sql(self) -> str:
        """Return the FROM clause that gives each row and its transaction."""
        return f"{self.table} r {self.join}"

    @property
    def version(self) -> int:
        """The version that new seals are made with; they are counted from 1."""
        return len(self.versions)

    def digest_sql(self, version: int) -> str:
        """Return the SQL expression of a row's digest under a version."""
        columns = ", ".join(f"r.{column}" for column in self.versions[version - 1])
        return f"sha256(convert_to(ROW({columns})::text, 'UTF8'))"


BILLING_SOURCES: Final = (
    SealedSource(
        "entries",
        "billing_entry",
        (("id", "key", "body_sha256", "kind", "ref", "event_at", "booked_at", "xid"),),
    ),
    SealedSource(
        "transfers",
        "billing_transfer",
        (("id", "entry_id", "leg", "debit_id", "credit_id", "amount", "asset"),),
        join="JOIN billing_entry e ON e.id = r.entry_id",
        xid="e.xid",
    ),
    SealedSource(
        "holds",
        "billing_hold",
        (("id", "account_id", "kind", "ref", "placed", "created_at", "expires_at", "xid"),),
        judged=("captured", "released", "ended_at"),  # by the hold's events
    ),
    SealedSource(
        "hold_events",
        "billing_holdevent",
        (("hold_id", "captured", "released", "ended_at", "at", "xid"),),
        place="r.hold_id",
        label="'of hold ' || r.hold_id || ' at ' || r.captured || ' + ' || r.released",
    ),
    SealedSource(
        "usage",
        "billing_usagereceipt",
        (("lease_id", "sequence", "organisation_id", "compute_ucu", "recorded_at", "xid"),),
        place="r.lease_id",
        label="'of lease ' || r.lease_id || ' at ' || r.sequence",
    ),
)
AUDIT_SEALED: Final = SealedSource(
    "audit",
    "core_auditrecord",
    (("id", "at", "actor", "action", "subject", "organisation_id", "detail", "xid"),),
)
_registered: dict[str, SealedSource] = {}


def register(source: SealedSource) -> None:
    """Have a table of an app above sealed too; called when that app is ready."""
    _registered[source.name] = source


def sources() -> Iterable[SealedSource]:
    """Return everything that is sealed."""
    return (*BILLING_SOURCES, *_registered.values())


def pin_settings(cursor: CursorWrapper) -> None:
    """Fix, for this transaction, the settings that the text of a row depends on, and room to sort in."""
    for name, value in (*_SETTINGS.items(), ("work_mem", "64MB")):
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
