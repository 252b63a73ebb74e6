"""What the database itself says to a statement."""

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction


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
