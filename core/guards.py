"""The guards of the database as they are, held against those that the migrations make.

A guard is what keeps rows as they must be whatever code does: a table's columns (NOT NULL, defaults), CHECKs,
keys, triggers, the functions that they and postings call, views that are summed, rights that the application
has not, and that no other table's rows count as one's own (inheritance). Its definition is PostgreSQL's own
rendering with the flags that switch it off. What definitions must be stands in `guards.txt`, a digest a line:
with the code, out of reach of whoever can change the database.

A definition that came back from a backup can be rendered in other words (`IN (…)` over a varchar): its line
has a digest for each.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

LISTED: Final = Path(__file__).with_name("guards.txt")
GUARD_RULE: Final = "every guard of the database is there, switched on, and defined as the migrations make it"

_GUARDS: Final = """
    WITH relations AS (
        SELECT oid, relname, relkind, relpersistence, relrowsecurity FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    ), app AS (SELECT oid FROM pg_roles WHERE rolname = 'cux_app')
    SELECT relname::text, 'columns', NULL, (
        SELECT format('%s %s ', relpersistence, relrowsecurity) || string_agg(concat_ws(
            ' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
            pg_get_expr(adbin, adrelid)), ', ' ORDER BY attname)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = relations.oid AND attnum > 0 AND NOT attisdropped)
    FROM relations WHERE relkind IN ('r', 'p')
    UNION ALL
    SELECT relname, 'constraint', conname, concat_ws(' ', pg_get_constraintdef(n.oid), (
        SELECT string_agg(DISTINCT tgenabled::text, '') FROM pg_trigger WHERE tgconstraint = n.oid))
    FROM pg_constraint n JOIN relations ON relations.oid = conrelid WHERE contype IN ('c', 'f', 'x', 't')
    UNION ALL
    SELECT relname, 'unique', indexrelid::regclass::text,
        concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indimmediate)
    FROM pg_index JOIN relations ON relations.oid = indrelid WHERE indisunique
    UNION ALL
    SELECT relname, 'trigger', tgname, concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
    FROM pg_trigger t JOIN relations ON relations.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT relname, 'child', inhrelid::regclass::text, inhdetachpending::text
    FROM pg_inherits JOIN relations ON relations.oid = inhparent
    WHERE relkind IN ('r', 'p')
    UNION ALL
    SELECT relname, 'rule', rulename, concat_ws(' ', pg_get_ruledef(r.oid), ev_enabled)
    FROM pg_rewrite r JOIN relations ON relations.oid = ev_class
    UNION ALL
    SELECT relname, 'rights', 'cux_app', (
        SELECT coalesce(string_agg(p, ' '), '') FROM unnest(
            ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER',
                'MAINTAIN']) AS p
        WHERE has_table_privilege(app.oid, relations.oid, p)
    ) || ' of columns ' || (
        SELECT coalesce(string_agg(concat_ws(' ', attname, p), ', ' ORDER BY attname, p), '')
        FROM pg_attribute, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p
        WHERE attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
            AND NOT has_table_privilege(app.oid, relations.oid, p)
            AND has_column_privilege(app.oid, relations.oid, attnum, p))
    FROM relations, app
    UNION ALL
    SELECT NULL, 'function', p.oid::regprocedure::text, CASE proname
        WHEN 'core_xid_base' THEN regexp_replace(pg_get_functiondef(p.oid), '\\d+', '', 'g')
        ELSE pg_get_functiondef(p.oid) END
    FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
    UNION ALL
    SELECT 'public', 'rights', 'cux_app', has_schema_privilege(app.oid, 'public', 'CREATE')::text FROM app
    UNION ALL
    SELECT NULL, 'session', NULL, concat_ws(
        ' ', current_schemas(false), current_setting('session_replication_role'))
"""  # A restore sets the number in `core_xid_base` (core/backup.py): that alone may differ.


class Cursor(Protocol):
    """What runs a statement and gives its rows: Django's cursor, or psycopg's."""

    def execute(self, query: Any) -> Any:
        """Run a statement."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that it gave."""


def guards_there(cursor: Cursor) -> dict[str, str]:
    """Return the digest of each guard's definition, by what it is and its name."""
    cursor.execute(_GUARDS)
    return {
        " ".join(filter(None, (sort, name, relation and f"of {relation}"))): _digest(definition)
        for relation, sort, name, definition in cursor.fetchall()
    }


def guards_listed() -> dict[str, set[str]]:
    """Return the digests that each guard's definition may have."""
    lines = (line.split(": ") for line in LISTED.read_text().splitlines())
    return {guard: set(digests.split()) for guard, digests in lines}


def guards_write(*seen: Mapping[str, str]) -> None:
    """Write the list anew from what was found in databases that the migrations made."""
    guards = sorted({guard for there in seen for guard in there})
    lines = (f"{guard}: {' '.join(sorted({there[guard] for there in seen}))}\n" for guard in guards)
    LISTED.write_text("".join(lines))


def broken_guards(cursor: Cursor) -> Iterator[str]:
    """Yield each guard that is not as the migrations make it, and what is wrong with it."""
    there, listed = guards_there(cursor), guards_listed()
    if not any(guard.startswith("rights") for guard in there):  # the deployment names its roles otherwise
        listed = {guard: digests for guard, digests in listed.items() if not guard.startswith("rights")}
    for guard in sorted(there.keys() | listed.keys()):
        if guard not in there:
            yield f"{guard}: is not there"
        elif guard not in listed:
            yield f"{guard}: no migration makes it"
        elif there[guard] not in listed[guard]:
            yield f"{guard}: is not what the migrations make"


def _digest(definition: str | None) -> str:
    return hashlib.sha256((definition or "").encode()).hexdigest()[:32]
