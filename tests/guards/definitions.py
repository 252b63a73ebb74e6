"""Write `core/guards.txt`: definitions as the migrations make them, and as a restore makes them anew."""

import tempfile
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections

from core.backup import backup_take, restore
from core.clock import utc_now
from core.embedded.postgres import Postgres
from core.guards import guards_there, guards_write


def definitions_write(server: Postgres) -> None:
    """Make the database anew, migrate it, list its guards; restore it from a backup, list them again."""
    with psycopg.connect(server.role_url("cux_owner", database="postgres"), autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS cux WITH (FORCE)")
        session.execute("CREATE DATABASE cux OWNER cux_owner")
    call_command("migrate", database="owner", verbosity=0)
    made = _there()
    with tempfile.TemporaryDirectory() as directory:
        backup = backup_take(directory=Path(directory), url=server.owner_url, now=utc_now())
        restore(backup=backup, url=server.owner_url, replace=True)
    guards_write(made, _there())


def _there() -> dict[str, str]:
    with connections["owner"].cursor() as cursor:
        there = guards_there(cursor)
    connections.close_all()
    return there
