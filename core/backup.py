"""Backups of the database, taken while it is used, and their return into an empty one.

A backup is a directory: what `pg_dump` writes (one snapshot of everything), and a manifest with the SHA-256
of each file. It is complete once it has its name: until then it is called `….part`. Secrets (`var/secrets`)
are not in it: who keeps them beside the backup has everything in one place, and so has a thief.
"""

import hashlib
import json
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connections
from django.db.backends.utils import CursorWrapper

from core.embedded.environment import database_settings
from core.embedded.postgres import APP_ROLE, Postgres

MANIFEST: Final = "manifest.json"
_JOBS: Final = "2"
_PLACE: Final = {"HOST": "HOST", "PORT": "PORT", "USER": "USER", "PASSWORD": "PASSWORD", "DATABASE": "NAME"}
_OTHERS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_NUMBERED: Final = """
    SELECT format('SELECT max(%I) AS top FROM %I', column_name, table_name)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name IN ('xid', 'to_xid')
"""
_REBASE: Final = """
    CREATE OR REPLACE FUNCTION core_xid_base() RETURNS bigint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {base}::bigint
"""
# What `cux_app` is given of every new table by default would come on top of the rights that the backup gives
# it, to the append-only tables too. The backup brings the defaults back, when all tables are there.
_NO_DEFAULTS: Final = f"""
    DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {APP_ROLE};
        ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM {APP_ROLE};
    END IF; END $$
"""  # noqa: S608 - our own constant
_STOPPABLE: Final = "SELECT to_regclass('public.billing_moneystop') IS NOT NULL"
_RENEW_STOP: Final = """
    UPDATE billing_moneystop SET stopped_at = now(), reason = %(reason)s
    WHERE resumed_at IS NULL AND stopped_at < now()
"""
_STOP: Final = """
    INSERT INTO billing_moneystop (id, reason, stopped_at) SELECT gen_random_uuid(), %(reason)s, now()
    WHERE NOT EXISTS (SELECT FROM billing_moneystop WHERE resumed_at IS NULL)
"""
_TABLES: Final = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


class BackupError(Exception):
    """It was not done; the message says why, for people."""


def backup_take(*, directory: Path, url: str, now: datetime) -> Path:
    """Write a backup of the database at `url` below `directory`, and return its path.

    Raises:
        BackupError: pg_dump failed; nothing is left of it.
    """
    target = directory / now.strftime("%Y%m%dT%H%M%SZ")
    draft = target.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _run("pg_dump", url, "--format=directory", "--compress=none", "--jobs", _JOBS, "--file", str(draft))
        draft.chmod(0o700)
        files = {file.name: _sha256(file) for file in sorted(draft.iterdir())}
        manifest = {"taken_at": now.isoformat(), "sha256": files}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def backup_check(backup: Path) -> None:
    """Compare every file with the manifest.

    Raises:
        BackupError: this is no backup, or a file is missing, changed or too many.
    """
    try:
        expected = json.loads((backup / MANIFEST).read_text())["sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(f"{backup} is no backup: it has no readable {MANIFEST}.") from error
    present = {file.name for file in backup.iterdir()} - {MANIFEST}
    for name in sorted(present ^ expected.keys()):
        raise BackupError(f"{backup / name} is {'missing' if name in expected else 'not of this backup'}.")
    for name, digest in expected.items():
        if _sha256(backup / name) != digest:
            raise BackupError(f"{backup / name} was changed since it was written.")


def restore(*, backup: Path, url: str, replace: bool) -> None:
    """Load a backup into the database at `url`, which nobody else may be using, and stop money from leaving.

    What left since the backup is not in these books, which would send it once more. Money is stopped also if
    loading fails, and before migrations, which may fail too.

    Raises:
        BackupError: the backup is damaged; somebody is connected; the database is not empty and `replace` is
            false. Nothing was changed then. Or pg_restore failed.
    """
    backup_check(backup)
    with connections["owner"].cursor() as cursor:
        cursor.execute(_OTHERS)
        if cursor.fetchone() != (0,):
            raise BackupError("Somebody is connected to the database: stop CUX first.")
        cursor.execute(_TABLES)
        if cursor.fetchone() != (0,):
            if not replace:
                raise BackupError("The database is not empty: say --replace to lose what is in it.")
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
            cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        cursor.execute(_NO_DEFAULTS)
    connections["owner"].close()
    name = str(database_settings(url)["NAME"])
    how = ("--no-owner", "--exit-on-error", "--jobs", _JOBS, "--dbname", name)
    try:
        _run("pg_restore", url, *how, str(backup))
    finally:
        _stop_money(f"restored from {backup.name}"[:200])
    with connections["owner"].cursor() as cursor:
        rebase_transactions(cursor)
        cursor.execute("ANALYZE")


def _stop_money(reason: str) -> None:
    """Let nothing leave of what was loaded, unless it is of a version that could not be stopped."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(_STOPPABLE)
        if cursor.fetchone() == (True,):
            cursor.execute(_RENEW_STOP, {"reason": reason})
            cursor.execute(_STOP, {"reason": reason})


def rebase_transactions(cursor: CursorWrapper) -> None:
    """Have this cluster's transactions count on from the backup's (`core/migrations/sql/xid.sql`)."""
    cursor.execute(_NUMBERED)
    tops = " UNION ALL ".join(sql for (sql,) in cursor.fetchall())
    now = "pg_current_xact_id()::text::bigint"
    cursor.execute(f"SELECT coalesce(max(top), 0) + 1 - {now} FROM ({tops}) tops")  # noqa: S608 - the catalogue's
    (base,) = cursor.fetchone() or (0,)
    cursor.execute(_REBASE.format(base=max(0, base)))


def _run(program: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the address goes by the environment, where `ps` does not show it."""
    command = [str(Postgres().program.with_name(program)), *arguments]
    place = database_settings(url)
    environment = {f"PG{name}": str(place[key]) for name, key in _PLACE.items() if place[key]}
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-2_000:]}")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
