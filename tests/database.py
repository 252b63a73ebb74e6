"""What the database itself says to a statement."""

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction


def refused_by_database(alias: str, sql: str, *parameters: Any) -> str:
    """Run SQL that must fail; return its SQLSTATE."""
    with (
        pytest.raises(DatabaseError) as refusal,
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute(sql, parameters)
    assert isinstance(refusal.value.__cause__, psycopg.Error)
    return refusal.value.__cause__.sqlstate or ""


def is_waited_for() -> bool:
    """Say whether a session waits for a lock of this one's transaction (whose view of activity is frozen)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])
