"""The guards that PostgreSQL knows of: constraints, unique indexes, triggers, and rights not given."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import psycopg

Cursor = psycopg.Cursor[Any]
APPS: Final = ("accounts", "billing", "core", "exchange", "inference")
LISTED: Final = Path(__file__).parent / "listed.txt"


class Sort(StrEnum):
    """What a guard is."""

    CHECK = "check"
    UNIQUE = "unique"
    EXCLUSION = "exclusion"
    FOREIGN = "foreign key"
    TRIGGER = "trigger"
    GRANT = "no right to"
    LOCK = "lock"


@dataclass(frozen=True, slots=True, order=True)
class Guard:
    """A guard of a table by its name; of a right that was not given, the right."""

    table: str
    sort: Sort
    name: str

    def __str__(self) -> str:
        return f"{self.table}  {self.sort}  {self.name}"

    @property
    def removal(self) -> str:
        """Return the statement that removes the guard."""
        if self.sort is Sort.TRIGGER:
            return f"DROP TRIGGER {self.name} ON {self.table}"
        if self.sort is Sort.GRANT:
            return f"GRANT {self.name} ON {self.table} TO cux_app"
        constraint = f"ALTER TABLE {self.table} DROP CONSTRAINT IF EXISTS {self.name} CASCADE"
        return f"{constraint}; DROP INDEX IF EXISTS {self.name}"


_APPS: Final = "split_part(c.relname, '_', 1) = ANY(%(apps)s) AND c.relnamespace = 'public'::regnamespace"
_CONSTRAINTS: Final = f"""
    SELECT c.relname, n.contype, n.conname FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid
    WHERE {_APPS} AND n.contype IN ('c', 'f', 'x')
"""
_UNIQUE: Final = f"""
    SELECT c.relname, n.relname FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
    WHERE {_APPS} AND i.indisunique
"""
_TRIGGERS: Final = f"""
    SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE {_APPS} AND NOT t.tgisinternal
"""
_RIGHTS: Final = f"""
    SELECT c.relname, p.name FROM pg_class c,
        unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p (name)
    WHERE {_APPS} AND c.relkind = 'r' AND NOT has_table_privilege('cux_app', c.oid, p.name)
"""
_CONSTRAINT_SORTS: Final = {"c": Sort.CHECK, "f": Sort.FOREIGN, "x": Sort.EXCLUSION}


def guards(cursor: Cursor) -> set[Guard]:
    """Return all guards of the apps' tables."""
    apps = {"apps": list(APPS)}
    found = {Guard(t, _CONSTRAINT_SORTS[kind], name) for t, kind, name in cursor.execute(_CONSTRAINTS, apps)}
    found |= {Guard(table, Sort.UNIQUE, name) for table, name in cursor.execute(_UNIQUE, apps)}
    found |= {Guard(table, Sort.TRIGGER, name) for table, name in cursor.execute(_TRIGGERS, apps)}
    return found | {Guard(table, Sort.GRANT, name) for table, name in cursor.execute(_RIGHTS, apps)}


def listed() -> set[str]:
    """Return the guards that must be there, a line each."""
    return set(LISTED.read_text().splitlines())
