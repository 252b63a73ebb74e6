"""The embedded PostgreSQL: who may do what in it, what it survives, and what it refuses."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.embedded import EmbeddedError, Postgres
from core.embedded.paths import REPOSITORY
from tests.waiting import eventually, is_alive


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # A directory of pytest's is 0700: as root, the server's user could not pass it by itself.
    path = tmp_path_factory.mktemp("pg")
    yield path
    Postgres(path).stop()


@pytest.fixture
def postgres(var: Path) -> Postgres:
    server = Postgres(var)
    server.start()
    return server


@pytest.fixture
def stopped(var: Path) -> Postgres:
    server = Postgres(var)
    if not server.data_directory.exists():
        server.start()
    server.stop()
    return server


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_starting_twice_is_starting_once(postgres: Postgres, var: Path) -> None:
    pid = postgres.pid()

    assert Postgres(var).start() == postgres.url
    assert postgres.pid() == pid


def test_is_a_durable_version_18_in_utf8_without_tcp(postgres: Postgres) -> None:
    expected = {
        "server_version_num": "180004",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "fsync": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
        "TimeZone": "UTC",
    }
    assert {name: value(postgres.url, f"SHOW {name}") for name in expected} == expected


def test_does_not_run_as_root(postgres: Postgres) -> None:
    status = Path(f"/proc/{postgres.pid()}/status").read_text()
    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    assert uid == ("65534" if os.geteuid() == 0 else str(os.geteuid()))


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_or_missing_password_is_refused(postgres: Postgres, password: str) -> None:
    address = make_conninfo(postgres.url, password=password, passfile="/dev/null")
    with pytest.raises(
        psycopg.OperationalError, match=r"password authentication failed|no password supplied"
    ):
        psycopg.connect(address)


def test_the_app_uses_what_the_owner_makes_and_makes_nothing(postgres: Postgres) -> None:
    with psycopg.connect(postgres.owner_url) as owner:
        owner.execute("CREATE TABLE thing (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    with psycopg.connect(postgres.url, autocommit=True) as app:
        app.execute("INSERT INTO thing (name) VALUES ('a'), ('b')")
        app.execute("UPDATE thing SET name = 'c' WHERE name = 'b'")
        app.execute("DELETE FROM thing WHERE name = 'a'")
        for forbidden in ("CREATE TABLE mine ()", "DROP TABLE thing", "TRUNCATE thing", "CREATE ROLE friend"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)
    assert value(postgres.owner_url, "SELECT string_agg(name, ',') FROM thing") == "c"


def test_a_database_the_owner_creates_is_usable_by_the_app_too(postgres: Postgres) -> None:
    with psycopg.connect(postgres.owner_url, autocommit=True) as owner:
        owner.execute("CREATE DATABASE other")
    with psycopg.connect(postgres.role_url("cux_owner", database="other")) as owner:
        owner.execute("CREATE TABLE thing (id int)")
    assert value(postgres.role_url("cux_app", database="other"), "SELECT count(*) FROM thing") == 0


def test_kill_9_loses_nothing_and_a_busy_orphan_does_not_block_the_restart(postgres: Postgres) -> None:
    with psycopg.connect(postgres.owner_url) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    busy = psycopg.connect(postgres.url)
    backend = busy.info.backend_pid

    def spin() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute("DO $$ BEGIN LOOP END LOOP; END $$")

    spinning = threading.Thread(target=spin)
    spinning.start()
    eventually(
        lambda: value(postgres.url, f"SELECT state FROM pg_stat_activity WHERE pid = {backend}") == "active"
    )
    postmaster = postgres.pid()
    assert postmaster is not None
    os.kill(postmaster, signal.SIGKILL)
    eventually(lambda: not is_alive(postmaster))

    postgres.start()

    spinning.join()
    busy.close()
    assert not is_alive(backend)
    assert postgres.pid() != postmaster
    assert value(postgres.owner_url, "SELECT answer FROM kept") == 42


def test_a_stale_pid_file_whose_number_another_program_got_is_ignored(stopped: Postgres) -> None:
    (stopped.data_directory / "postmaster.pid").write_text(f"{os.getpid()}\n{stopped.data_directory}\n")

    stopped.start()

    assert stopped.stop() is True
    assert stopped.stop() is False


def test_a_server_somebody_else_started_keeps_the_folder(stopped: Postgres, tmp_path: Path) -> None:
    impostor = tmp_path / "postgres"
    shutil.copy("/bin/sleep", impostor)
    pid_file = stopped.data_directory / "postmaster.pid"
    with subprocess.Popen([impostor, "60"]) as other:
        pid_file.write_text(f"{other.pid}\n")
        try:
            with pytest.raises(
                EmbeddedError, match=rf"is taken: PostgreSQL process {other.pid}, not started"
            ):
                stopped.start()
            assert pid_file.read_text() == f"{other.pid}\n"
        finally:
            other.kill()
            pid_file.unlink()


def test_another_major_version_is_refused_with_the_way_out(stopped: Postgres) -> None:
    version = stopped.data_directory / "PG_VERSION"
    version.write_text("16\n")
    try:
        with pytest.raises(EmbeddedError, match=r"of PostgreSQL 16, these binaries are 18. Dump it"):
            stopped.start()
    finally:
        version.write_text("18\n")


def test_a_folder_that_is_no_cluster_is_refused_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "letters.txt").write_text("mine")

    with pytest.raises(EmbeddedError, match="it is no PostgreSQL cluster"):
        Postgres(tmp_path).start()

    assert [path.name for path in folder.iterdir()] == ["letters.txt"]


def test_a_taken_port_is_refused(stopped: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setenv("CUX_POSTGRES_PORT", str(port))
        with pytest.raises(EmbeddedError, match=rf"Port {port} of 127.0.0.1 is taken"):
            stopped.start()
    assert not stopped.is_running()


def test_in_the_foreground_it_is_alone_and_ends_with_its_parent(stopped: Postgres) -> None:
    run = [sys.executable, "-m", "core.embedded", "--var", str(stopped.var), "run", "postgres"]
    parent_program = f"import subprocess; subprocess.run({run!r})"
    with subprocess.Popen([sys.executable, "-c", parent_program], cwd=REPOSITORY) as parent:
        try:
            eventually(stopped.is_ready)
            second = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=False)
            assert second.returncode == 1
            assert f"runs on it already as process {stopped.pid()}" in second.stderr
        finally:
            parent.kill()
    eventually(lambda: not stopped.is_running())
