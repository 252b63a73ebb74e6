"""Find, for a guard, statements that it refuses and that nothing else does.

Rows are written by the superuser with `session_replication_role = replica` (no triggers, no foreign keys), so
that a row needs no others; whatever else of the same table could refuse is dropped before.
"""

from collections.abc import Iterator
from typing import Final

from tests.guards.catalogue import Cursor, Guard, Sort
from tests.guards.own import GIVEN, TRIALS, Trial
from tests.guards.rows import Table, quoted

ROWS_ONLY: Final = "SET LOCAL session_replication_role = replica"
EVERYTHING: Final = "SET LOCAL session_replication_role = origin"
_STRANGER: Final = {"uuid": "gen_random_uuid()", "text": "md5(random()::text)"}


def trials(cursor: Cursor, guard: Guard) -> Iterator[Trial]:
    """Yield what may be tried for a guard, until one trial tells it apart."""
    table = Table(cursor, guard.table, GIVEN.get(guard.table, {}))
    if guard.name in TRIALS:
        yield _filled(cursor, TRIALS[guard.name])
    else:
        yield from _SEARCH[guard.sort](cursor, guard, table)


def _filled(cursor: Cursor, trial: Trial) -> Trial:
    def fill(statement: str) -> tuple[str, ...]:
        if not statement.startswith("{"):
            return (statement,)
        table = Table(cursor, statement.strip("{}"), GIVEN.get(statement.strip("{}"), {}))
        return ROWS_ONLY, table.insertion(table.row), EVERYTHING

    return Trial(trial.statements, tuple(part for one in trial.before for part in fill(one)))


def _check(cursor: Cursor, guard: Guard, table: Table) -> Iterator[Trial]:
    check = next(check for check in table.checks if check.name == guard.name)
    row = table.breaking(check)
    if row:
        yield Trial((table.insertion(row),), (ROWS_ONLY, *_drop(cursor, guard, ("x",))))


def _unique(cursor: Cursor, guard: Guard, table: Table) -> Iterator[Trial]:
    key, predicate = cursor.execute(
        "SELECT ARRAY(SELECT attname::text FROM pg_attribute"
        " WHERE attrelid = indrelid AND attnum = ANY(indkey)), pg_get_expr(indpred, indrelid)"
        " FROM pg_index WHERE indexrelid = %s::regclass",
        [guard.name],
    ).fetchone() or ([], None)
    needed = [f"{quoted(column)} IS NOT NULL" for column in key] + (
        [f"({predicate}) IS TRUE"] if predicate else []
    )
    mentioned = {column for column in table.columns if predicate and column in predicate}
    conditions = [*(check.condition for check in table.checks), *needed]
    free = frozenset(key) | mentioned
    row = table.near(table.row, free, conditions)
    if row:
        twice = table.insertion(table.kept(row, table.columns))
        yield Trial((twice, twice), (ROWS_ONLY, *_drop(cursor, guard, ("p", "u", "x"), indexes=True)))


def _foreign(cursor: Cursor, guard: Guard, table: Table) -> Iterator[Trial]:
    (columns,) = cursor.execute(
        "SELECT ARRAY(SELECT attname::text FROM pg_attribute"
        " WHERE attrelid = conrelid AND attnum = ANY(conkey))"
        " FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass",
        [guard.name, guard.table],
    ).fetchone() or ([],)
    row = table.row | {column: _STRANGER.get(table.columns[column].cast, "-12345") for column in columns}
    yield Trial(
        ("SET CONSTRAINTS ALL IMMEDIATE", table.insertion(row)),
        (*_drop(cursor, guard, ("c", "f")), f"ALTER TABLE {guard.table} DISABLE TRIGGER USER"),
    )


def _trigger(cursor: Cursor, guard: Guard, table: Table) -> Iterator[Trial]:
    alone = (
        *_drop(cursor, guard, ("c", "f")),
        f"ALTER TABLE {guard.table} DISABLE TRIGGER USER",
        f"ALTER TABLE {guard.table} ENABLE TRIGGER {guard.name}",
    )
    row = table.kept(table.row, table.key)
    inserted = table.insertion(row)
    only = " AND ".join(f"{quoted(column)} = {row[column]}" for column in table.key) or "true"
    sample = (*alone, ROWS_ONLY, inserted, EVERYTHING)
    yield Trial((f"DELETE FROM {guard.table} WHERE {only}",), sample)
    yield Trial(("SET CONSTRAINTS ALL IMMEDIATE", inserted), alone)
    for column, about in table.columns.items():
        for value in about.values():
            yield Trial(
                (f"UPDATE {guard.table} SET {quoted(column)} = ({value})::{about.cast} WHERE {only}",), sample
            )


def _grant(cursor: Cursor, guard: Guard, table: Table) -> Iterator[Trial]:
    (column,) = cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0"
        " AND NOT attisdropped AND NOT has_column_privilege('cux_app', attrelid, attnum, 'UPDATE') LIMIT 1",
        {"table": guard.table},
    ).fetchone() or ("",)
    statement = {
        "INSERT": f"INSERT INTO {guard.table} DEFAULT VALUES",
        "UPDATE": f"UPDATE {guard.table} SET {quoted(column)} = {quoted(column)} WHERE false",
        "DELETE": f"DELETE FROM {guard.table} WHERE false",
        "TRUNCATE": f"TRUNCATE {guard.table}",
    }[guard.name]
    yield Trial(("SET LOCAL ROLE cux_app", statement))


def _drop(cursor: Cursor, guard: Guard, kinds: tuple[str, ...], *, indexes: bool = False) -> tuple[str, ...]:
    """Return the statements that drop the table's other constraints of these kinds, and unique indexes."""
    names = cursor.execute(
        "SELECT conname FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = ANY(%s) AND conname <> %s",
        [guard.table, list(kinds), guard.name],
    ).fetchall()
    drops = [f"ALTER TABLE {guard.table} DROP CONSTRAINT {name} CASCADE" for (name,) in names]
    if indexes:
        unique = cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND indisunique"
            " AND indexrelid::regclass::text <> %s",
            [guard.table, guard.name],
        ).fetchall()
        drops += [f"DROP INDEX IF EXISTS {name}" for (name,) in unique]
    return tuple(drops)


_SEARCH: Final = {
    Sort.CHECK: _check,
    Sort.UNIQUE: _unique,
    Sort.EXCLUSION: _unique,
    Sort.FOREIGN: _foreign,
    Sort.TRIGGER: _trigger,
    Sort.GRANT: _grant,
}
