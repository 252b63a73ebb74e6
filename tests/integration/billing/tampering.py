"""Changing rows behind every guard's back, as whoever owns the machine could, in a transaction undone after.

`session_replication_role = replica` switches triggers and foreign keys off, and CHECKs are dropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from billing.selectors.seal_check import check_seals
from core.embedded.postgres import Postgres
from tests.environment import VAR

_CHANGED = {
    "uuid": "gen_random_uuid()",
    "bigint": "-1 - {0}",
    "integer": "-1 - {0}",
    "smallint": "{0} + 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "jsonb": "{0} || '{{\"other\": 1}}'::jsonb",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "character varying": "CASE WHEN left({0}, 1) = 'x' THEN 'y' ELSE 'x' END || substr({0}, 2)",
}
"""What a column of a type is changed to: as little as can be."""


@contextmanager
def behind_the_guards(*tables: str) -> Iterator[psycopg.Cursor[Any]]:
    """Open a transaction of the superuser in which nothing guards these tables; it is rolled back."""
    with psycopg.connect(Postgres(VAR).role_url("postgres")) as session, session.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table]
            )
            for (constraint,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        yield cursor
        session.rollback()


def columns_of(table: str) -> dict[str, str]:
    """Return each column of a table with its type."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
            [table],
        )
        return dict(cursor.fetchall())


def changed(column: str, kind: str) -> str:
    """Return SQL for a value of the column that is another than it has."""
    return _CHANGED[kind].format(column)


def broken_seals(cursor: Any) -> dict[str, str]:
    """Return the findings of the seals that are broken."""
    return {finding.name: finding.broken for finding in check_seals(cursor) if finding.broken}
