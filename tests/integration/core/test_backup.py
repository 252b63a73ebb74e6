"""A backup comes back as it was, verifies, and takes new entries; a damaged one is refused."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import psycopg
import pytest
from django.conf import settings
from django.db import connections

import core.backup
from billing.services.ledger_seal import ledger_seal
from core.backup import MANIFEST, BackupError, backup_take, rebase_transactions, restore
from core.clock import utc_now
from core.embedded.postgres import Postgres
from core.guards import broken_guards
from tests.environment import VAR
from tests.integration.billing.books import funded, state

OTHER = "cux_restored"


@pytest.fixture
def backup(db: None, tmp_path: Path) -> Path:
    return backup_take(directory=tmp_path, url=settings.ENVIRONMENT["DATABASE_OWNER_URL"], now=utc_now())


@pytest.fixture
def other(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database that the owner's and the app's connections of this test go to."""
    # The superuser: who drops it has to end an autovacuum that has just come to it, too.
    url = Postgres(VAR).role_url("postgres", database="postgres")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {OTHER} WITH (FORCE)")  # a run that was killed left it
        session.execute(f"CREATE DATABASE {OTHER} OWNER cux_owner")
        connections.close_all()
        for alias in ("owner", "default"):
            monkeypatch.setitem(connections[alias].settings_dict, "NAME", OTHER)
        yield Postgres(VAR).role_url("cux_owner", database=OTHER)
        connections.close_all()
        monkeypatch.undo()
        session.execute(f"DROP DATABASE {OTHER} WITH (FORCE)")


def test_what_comes_back_is_what_was_there_and_counts_on(tmp_path: Path, request: pytest.FixtureRequest):
    request.getfixturevalue("db")
    account = funded(77)
    ledger_seal(now=utc_now())
    before = state(account)
    taken: Path = request.getfixturevalue("backup")
    assert taken.stat().st_mode & 0o777 == 0o700
    url = request.getfixturevalue("other")
    restore(backup=taken, url=url, replace=False)
    assert state(account) == before
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT core_xid() > max(to_xid) FROM billing_seal")
        assert cursor.fetchone() == (True,)
    later = funded(5)
    ledger_seal(now=utc_now())
    assert state(later)[0][1:3] == (5, 0)
    with pytest.raises(BackupError, match="not empty"):
        restore(backup=taken, url=url, replace=False)
    restore(backup=taken, url=url, replace=True)
    assert (state(account), state(later)) == (before, [])


def open_stops() -> list[tuple[str, bool]]:
    """Return the reason of each stop of money that is open, and whether it is of the last minute."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT reason, stopped_at > now() - interval '1 minute' FROM billing_moneystop"
            " WHERE resumed_at IS NULL"
        )
        return cursor.fetchall()


def test_money_is_stopped_in_what_was_loaded_before_anything_else_is_done(
    backup: Path, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    restore(backup=backup, url=other, replace=False)
    assert open_stops() == [(f"restored from {backup.name}", True)]
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE billing_moneystop DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_moneystop SET stopped_at = 'yesterday', reason = 'of before'")
        cursor.execute("ALTER TABLE billing_moneystop ENABLE TRIGGER USER")
    again = backup_take(directory=tmp_path / "again", url=other, now=utc_now())
    monkeypatch.setattr(
        "core.backup.rebase_transactions", mock.Mock(side_effect=RuntimeError("the next step"))
    )
    with pytest.raises(RuntimeError, match="the next step"):
        restore(backup=again, url=other, replace=True)
    assert open_stops() == [(f"restored from {again.name}", True)]


def test_money_is_stopped_in_what_a_restore_that_fails_has_loaded(
    backup: Path, other: str, monkeypatch: pytest.MonkeyPatch
):
    run = core.backup._run

    def fails(*arguments: str) -> None:
        run(*arguments)
        raise BackupError("pg_restore failed: at the very end")

    monkeypatch.setattr("core.backup._run", fails)
    with pytest.raises(BackupError, match="very end"):
        restore(backup=backup, url=other, replace=False)
    assert open_stops() == [(f"restored from {backup.name}", True)]


def test_every_guard_comes_back_and_no_right_beside_them(backup: Path, other: str, tmp_path: Path):
    restore(backup=backup, url=other, replace=False)
    again = backup_take(directory=tmp_path / "again", url=other, now=utc_now())
    restore(backup=again, url=other, replace=True)
    with connections["owner"].cursor() as cursor:
        assert list(broken_guards(cursor)) == []
        cursor.execute("CREATE TABLE later ()")
        rights = ", ".join(
            f"has_table_privilege('cux_app', 'later', '{right}')" for right in ("INSERT", "TRUNCATE")
        )
        cursor.execute(f"SELECT {rights}")
        assert cursor.fetchone() == (True, False)


def test_a_cluster_that_counts_from_a_lower_number_goes_on_from_the_backups(backup: Path, other: str):
    restore(backup=backup, url=other, replace=False)
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE of_another_cluster AS SELECT 10::bigint ^ 12 AS xid")
        rebase_transactions(cursor)
        cursor.execute("SELECT core_xid() > 10::bigint ^ 12, core_xid_horizon() > 10::bigint ^ 12")
        assert cursor.fetchone() == (True, True)


def damaged(backup: Path, how: str) -> None:
    file = next(file for file in sorted(backup.iterdir()) if file.suffix == ".dat")
    if how == "changed":
        file.write_bytes(file.read_bytes() + b"x")
    elif how == "missing":
        file.unlink()
    elif how == "not of this backup":
        shutil.copy(file, backup / "other.dat")
    else:
        (backup / MANIFEST).write_text(json.dumps({}))


@pytest.mark.parametrize("how", ["changed", "missing", "not of this backup", "no readable manifest"])
def test_a_damaged_backup_changes_nothing(backup: Path, other: str, how: str):
    damaged(backup, how)
    with pytest.raises(BackupError, match=how.split()[0]):
        restore(backup=backup, url=other, replace=True)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        assert cursor.fetchone() == (0,)


def test_nothing_is_restored_under_somebodys_feet(backup: Path, other: str):
    with psycopg.connect(other), pytest.raises(BackupError, match="stop CUX first"):
        restore(backup=backup, url=other, replace=True)


def test_a_backup_that_fails_leaves_nothing_behind(db: None, tmp_path: Path):
    url = Postgres(VAR).role_url("cux_owner", database="no_such_database")
    with pytest.raises(BackupError, match="no_such_database"):
        backup_take(directory=tmp_path, url=url, now=utc_now())
    assert list(tmp_path.iterdir()) == []
