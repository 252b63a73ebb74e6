"""The embedded Valkey: durable, reachable by Celery, one at a time on its data."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.connection import Connection
from redis import Redis

from core.embedded import EmbeddedError, Valkey, running
from core.embedded.environment import embedded_servers
from core.embedded.paths import REPOSITORY
from tests.waiting import eventually, is_alive


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_key_survives_kill_9(valkey: Valkey) -> None:
    with Redis(unix_socket_path=str(valkey.socket_path)) as client:
        client.set("key", "value")
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1
    killed = valkey.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not is_alive(killed))

    valkey.start()

    assert valkey.pid() != killed
    with Redis(unix_socket_path=str(valkey.socket_path)) as client:
        assert client.get("key") == b"value"


def test_celery_s_transport_takes_the_address_even_with_a_space_in_it(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "a b")
    with Connection(server.start()) as broker, broker.SimpleQueue("tasks") as queue:  # type: ignore[no-untyped-call]
        queue.put({"job": 1})
        assert queue.get(timeout=5).payload == {"job": 1}
    server.stop()


def test_only_its_user_may_connect_and_there_is_no_tcp(valkey: Valkey) -> None:
    assert stat.S_IMODE(valkey.socket_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(valkey.socket_directory.stat().st_mode) == 0o700
    with Redis(unix_socket_path=str(valkey.socket_path)) as client:
        assert client.config_get("port") == {"port": "0"}


def test_a_second_server_on_the_same_data_is_refused(valkey: Valkey) -> None:
    run = [sys.executable, "-m", "core.embedded", "--var", str(valkey.var), "run", "valkey"]
    second = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert f"is taken: valkey runs on it already as process {valkey.pid()}" in second.stderr


def test_a_socket_path_too_long_for_the_kernel_moves_to_a_short_directory(tmp_path: Path) -> None:
    server = Valkey(tmp_path / ("d" * 100))
    server.start()

    assert str(server.socket_path).startswith("/tmp/cux-")
    assert server.is_ready()
    server.stop()
    for path in (server.socket_directory, *server.socket_directory.parent.glob("*.lock")):
        path.rmdir() if path.is_dir() else path.unlink()
    server.socket_directory.parent.rmdir()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "valkey").write_text("mine")
    with pytest.raises(EmbeddedError, match=r"/valkey is taken: expected a directory"):
        Valkey(tmp_path).start()
    assert (tmp_path / "valkey").read_text() == "mine"


def test_running_starts_what_the_environment_does_not_give_and_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/cux")
    monkeypatch.delenv("BROKER_URL", raising=False)
    server = Valkey(tmp_path)

    with running(tmp_path) as settings:
        assert settings["DATABASE_URL"] == settings["DATABASE_OWNER_URL"] == "postgresql://elsewhere/cux"
        assert settings["BROKER_URL"] == server.url
        assert server.is_ready()

    assert not server.is_running()
    assert [type(one) for one in embedded_servers(tmp_path)] == [Valkey]
