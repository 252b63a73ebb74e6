"""Where settings come from, and that secrets are made once and kept private."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.embedded.environment import SECRETS, database_settings, load
from core.embedded.secret_files import secret


def test_secrets_are_made_once_whoever_asks_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: secret(tmp_path, "token"), range(64)))

    assert len(answers) == 1
    assert len(bytes.fromhex(answers.pop())) == 32
    files = list((tmp_path / "secrets").iterdir())
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in files] == [("token", 0o600)]
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_what_the_environment_says_wins_and_is_not_written_down(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://app@db/cux",
        "DATABASE_OWNER_URL": "postgresql://owner@db/cux",
        "BROKER_URL": "amqp://broker",
        **dict.fromkeys(SECRETS, "given"),
    }

    assert load(tmp_path, environ=given) == given
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_addresses_are_known_before_the_servers_run(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={})

    assert settings == load(tmp_path, environ={})
    assert settings["DATABASE_URL"].startswith("postgresql://cux_app:")
    assert settings["DATABASE_OWNER_URL"].startswith("postgresql://cux_owner:")
    assert settings["BROKER_URL"].startswith("redis+socket:///")


def test_django_s_settings_of_a_socket_and_of_a_host() -> None:
    engine = {"ENGINE": "django.db.backends.postgresql"}
    assert database_settings("postgresql://app:p%40ss@/cux?host=%2Frun%2Fa+b&port=5432") == engine | {
        "NAME": "cux",
        "USER": "app",
        "PASSWORD": "p@ss",
        "HOST": "/run/a b",
        "PORT": "5432",
        "OPTIONS": {},
    }
    assert database_settings("postgresql://app@db.example:6432/cux?sslmode=require") == engine | {
        "NAME": "cux",
        "USER": "app",
        "PASSWORD": "",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }
