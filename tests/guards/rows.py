"""Rows for a table, found by its CHECKs: one that satisfies all, one that breaks a single one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from tests.guards.catalogue import Cursor
from tests.guards.own import SAME

_FEW: Final = 8
_NEW_NUMBER: Final = "(1e15 + random() * 1e15)::bigint"
_OF_TYPE: Final = {
    "uuid": ["gen_random_uuid()", f"'{SAME}'::uuid"],
    "bytea": ["sha256('x')", "sha256('x') || sha256('y')", "'\\x'::bytea", "'\\x0000000000000000'::bytea"],
    "jsonb": ["'{}'::jsonb"],
    "boolean": ["false", "true"],
    "date": ["current_date", "'infinity'::date", "'-infinity'::date"],
    "timestamp with time zone": ["now()", "now() + interval '1 day'", "now() - interval '1 day'"],
    "inet": ["'127.0.0.1'::inet"],
}
_NUMBERS: Final = ["1", "0", "-1", "2", "30000"]
_AMOUNTS: Final = ["10000000", "20000000"]  # whole cents, in nano-USD


def quoted(column: str) -> str:
    """Return a column's name as SQL takes any."""
    return f'"{column}"'


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type, whether it may be NULL, and how many characters it takes (32 at most are tried)."""

    kind: str
    nullable: bool
    length: int | None

    @property
    def cast(self) -> str:
        """The type that values of it are cast to."""
        return {"character varying": "text"}.get(self.kind, self.kind)

    @property
    def plain(self) -> str:
        """SQL for a value that most rows could have."""
        return "NULL" if self.nullable else self.values()[0]

    def values(self, literals: Iterable[str] = ()) -> list[str]:
        """Return SQL for the values to be tried: some of its type, and the literals that CHECKs speak of."""
        known = [f"'{literal}'" for literal in literals if len(literal) <= (self.length or 32)]
        if self.cast == "text":
            values = [*known, f"left(md5(random()::text), {self.length or 32})", "''"]
        elif self.kind.endswith("[]"):
            values = ["'{}'"]
        elif self.kind in _OF_TYPE:
            values = _OF_TYPE[self.kind]
        else:
            values = _NUMBERS + (_AMOUNTS if self.kind != "smallint" else []) + known
        return [*values, *(["NULL"] if self.nullable else [])]


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK: its name, its condition and the columns it is about."""

    name: str
    condition: str
    columns: frozenset[str]


@dataclass
class Table:
    """A table's columns and CHECKs, and SQL for the columns of a row (`row`)."""

    cursor: Cursor
    name: str
    given: dict[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Each column that can be written, by its name."""
        found = self.cursor.execute(
            "SELECT column_name,"
            " CASE data_type WHEN 'ARRAY' THEN ltrim(udt_name, '_') || '[]' ELSE data_type END,"
            " is_nullable = 'YES', least(character_maximum_length, 32)"
            " FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
            [self.name],
        )
        return {column: Column(*about) for column, *about in found}

    @cached_property
    def checks(self) -> list[Check]:
        """The table's CHECKs."""
        found = self.cursor.execute(
            "SELECT conname, pg_get_expr(conbin, conrelid), ARRAY(SELECT attname::text FROM pg_attribute"
            " WHERE attrelid = conrelid AND attnum = ANY(conkey)) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'c' ORDER BY conname",
            [self.name],
        )
        return [Check(name, condition, frozenset(columns)) for name, condition, columns in found]

    @cached_property
    def key(self) -> list[str]:
        """The columns of the primary key; none if there is none."""
        found = self.cursor.execute(
            "SELECT attname FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND attnum = ANY(indkey)"
            " WHERE indisprimary AND attrelid = %s::regclass",
            [self.name],
        )
        return [column for (column,) in found]

    @cached_property
    def row(self) -> dict[str, str]:
        """SQL for each column of a row that satisfies every CHECK."""
        numbers = {column: _NEW_NUMBER for column in self.key if self.columns[column].kind == "bigint"}
        row = {column: about.plain for column, about in self.columns.items()} | numbers | self.given
        for check in self.checks:
            satisfied = [other for other in self.checks if other.name <= check.name]
            row = self.near(row, check.columns, [other.condition for other in satisfied]) or row
        return row

    def solve(
        self, row: dict[str, str], free: frozenset[str], conditions: list[str]
    ) -> dict[str, str] | None:
        """Return the row with other values in the free columns, such that no condition is false; or None.

        What the row has is tried first.
        """
        tried = sorted(free)
        fixed = ", ".join(
            f"({sql})::{self.columns[column].cast} AS {quoted(column)}"
            for column, sql in row.items()
            if column not in tried
        )
        choices = "".join(self._choices(column, row[column], conditions) for column in tried)
        holds = " AND ".join(f"({condition}) IS NOT FALSE" for condition in conditions)
        found = self.cursor.execute(
            f"SELECT {', '.join(f'sql_{column}' for column in tried) or '1'}"
            f" FROM (SELECT {fixed or '1'}) fixed {choices} WHERE {holds} LIMIT 1"
        ).fetchone()
        return row | dict(zip(tried, found, strict=False)) if found else None

    def near(self, row: dict[str, str], free: frozenset[str], conditions: list[str]) -> dict[str, str] | None:
        """Solve with these columns; else also with those that a CHECK binds to them, if they are few."""
        bound = free.union(*(check.columns for check in self.checks if check.columns & free))
        found = self.solve(row, free, conditions)
        return found or (self.solve(row, bound, conditions) if len(bound) <= _FEW else None)

    def breaking(self, check: Check) -> dict[str, str] | None:
        """Return a row that one CHECK refuses and no other; None if none was found."""
        conditions = [
            f"({check.condition}) IS NOT FALSE IS FALSE",
            *(other.condition for other in self.checks if other is not check),
        ]
        return self.near(self.row, check.columns, conditions)

    def insertion(self, row: dict[str, str]) -> str:
        """Return the statement that inserts a row."""
        values = ", ".join(f"({sql})::{self.columns[column].cast}" for column, sql in row.items())
        return (
            f"INSERT INTO {self.name} ({', '.join(map(quoted, row))}) OVERRIDING SYSTEM VALUE SELECT {values}"
        )

    def kept(self, row: dict[str, str], columns: Iterable[str]) -> dict[str, str]:
        """Return the row with constants in some columns, so that it can be inserted twice."""
        fixed = {}
        for column in columns:
            (text,) = self.cursor.execute(f"SELECT ({row[column]})::text").fetchone() or (None,)
            fixed[column] = "NULL" if text is None else f"$sql${text}$sql$"
        return row | fixed

    def _choices(self, column: str, first: str, conditions: list[str]) -> str:
        """Return what a column may be as a joined table: SQL as text, and what it gives."""
        about = self.columns[column]
        kinds = "text|character varying" if about.cast == "text" else about.cast
        literals = {
            literal
            for condition in conditions
            if re.search(rf"\b{column}\b", condition)
            for literal in re.findall(rf"'((?:[^']|'')*)'::(?:{kinds})\b", condition)
        }
        values = dict.fromkeys([first, *about.values(sorted(literals))])
        listed = ", ".join(f"($sql${sql}$sql$, ({sql})::{about.cast})" for sql in values)
        return f" CROSS JOIN (VALUES {listed}) AS of_{column} (sql_{column}, {quoted(column)})"
