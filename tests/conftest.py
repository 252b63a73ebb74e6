"""Fixtures of the integration tests: real PostgreSQL and Valkey, committed data.

Nothing is rolled back or truncated: each test makes its own organisations and instruments
(`tests/builders.py`), as many users of one market would.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

import psycopg
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from config.redaction import FORMS
from core.embedded.environment import embedded_servers
from core.embedded.postgres import Postgres
from tests.environment import VAR
from tests.ledger_watch import check_touched, horizon, verify_all, verify_grown

_running: list[bool] = []  # whether the servers do


def _recreate_database() -> None:
    postgres = Postgres(VAR)
    with psycopg.connect(postgres.role_url("cux_owner", database="postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS cux WITH (FORCE)")
        connection.execute("CREATE DATABASE cux OWNER cux_owner")


@pytest.fixture(autouse=True, scope="session")
def _passwords_hashed_quickly() -> Iterator[None]:
    """Hash passwords in 1,000 rounds: a million are half a second, twice for everybody who signs in."""
    with mock.patch.object(PBKDF2PasswordHasher, "iterations", 1_000):
        yield


@pytest.fixture(scope="session")
def servers(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Run the embedded servers with a fresh, migrated database."""
    with ExitStack() as stack:
        for server in embedded_servers(VAR):
            server.start()
            stack.callback(server.stop)
        _recreate_database()
        with django_db_blocker.unblock():
            call_command("migrate", database="owner", verbosity=0)
            _running.append(True)
            yield
            _running.clear()
            verify_grown()
            verify_all()
            connections.close_all()


@pytest.fixture(scope="module", autouse=True)
def _ledger_verified(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Verify the whole ledger after each module that wrote to it."""
    yield
    if _running:
        with django_db_blocker.unblock():
            verify_grown()
            connections.close_all()


def _require_no_secret_in_logs() -> None:
    """Fail the session if a process that its tests started wrote a secret into its log."""
    for log in VAR.rglob("*.log"):
        found = FORMS.search(log.read_bytes())
        if found is not None:
            pytest.fail(f"{log} has a secret: {found[0][:16]!r}", pytrace=False)


@pytest.fixture
def db(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the test use the database; what it writes is committed and stays, and adds up."""
    with django_db_blocker.unblock():
        since = horizon()
        yield
        check_touched(since)
        connections.close_all()
