"""Migrations while money moves: they wait for a lock for a moment only, and nobody who posts is refused."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import OperationalError, connections, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from billing.services.ledger_post import ledger_post
from core.clock import utc_now
from core.retry import transact
from tests.integration.billing.books import balance, entry, funded, rows
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("db")

POSTERS = 4
COLUMN = "migrated_note"


class Posters:
    """Threads that move money back and forth between two accounts of theirs until they are told to stop."""

    def __init__(self) -> None:
        self.pairs = [(funded(1_000), funded(1_000)) for _ in range(POSTERS)]
        self.errors: list[Exception] = []
        self.posted = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(pair,)) for pair in self.pairs]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have them post meanwhile."""
        for thread in self._threads:
            thread.start()
        try:
            self.go_on()
            yield
            self.go_on()
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(30)

    def go_on(self) -> None:
        """Return when all have posted some more."""
        before = self.posted
        eventually(lambda: self.errors or self.posted > before + 2 * POSTERS, within_s=30)

    def _work(self, pair: Any) -> None:
        here, there = pair
        try:
            while not self._over.is_set():
                made = entry((here, there, 1))
                transact(lambda made=made: ledger_post(entries=[made], now=utc_now()))
                self.posted += 1
                here, there = there, here
        except Exception as error:
            self.errors.append(error)
        finally:
            connections.close_all()


def migrate(*operations: Any, app: str = "billing", atomic: bool = True) -> None:
    """Apply operations to an app's tables as `migrate` would."""
    migration = type("Migration", (migrations.Migration,), {"operations": operations, "atomic": atomic})(
        "9999_under_load", app
    )
    owner = connections["owner"]
    with owner.schema_editor(atomic=atomic) as editor:
        migration.apply(_state().clone(), editor)


@lru_cache(maxsize=1)
def _state() -> ProjectState:
    return MigrationLoader(connections["owner"]).project_state()


def column() -> Any:
    note = models.CharField(max_length=8, db_default="")
    return [migrations.AddField(name, COLUMN, note) for name in ("entry", "hold", "balance")]


def columns() -> list[str]:
    found = rows(
        "SELECT table_name FROM information_schema.columns WHERE column_name = %s ORDER BY 1", COLUMN
    )
    return [name for (name,) in found]


def drop_columns() -> None:
    with connections["owner"].cursor() as cursor:
        for table in ("entry", "hold", "balance"):
            cursor.execute(f"ALTER TABLE billing_{table} DROP COLUMN IF EXISTS {COLUMN}")


def test_columns_and_indexes_come_while_money_moves():
    posters = Posters()
    index = models.Index(fields=["booked_at"], name="entry_under_load")
    try:
        with posters.at_work():
            migrate(*column())
            posters.go_on()
            migrate(AddIndexConcurrently("entry", index), atomic=False)
            posters.go_on()
            valid = rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'entry_under_load'::regclass")
            assert valid == [(True,)]
            assert columns() == ["billing_balance", "billing_entry", "billing_hold"]
    finally:
        drop_columns()
        with connections["owner"].cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS entry_under_load")
    assert posters.errors == []
    for here, there in posters.pairs:
        assert balance(here)[0] + balance(there)[0] == 2_000


def test_a_migration_that_gets_no_lock_gives_up_and_nobody_waits_for_it_long():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("5s",)
        cursor.execute("SET lock_timeout = '300ms'")
    posters = Posters()
    try:
        with transaction.atomic(), posters.at_work():
            rows("SELECT count(*) FROM billing_hold WHERE false")  # a transaction that stays open has read it
            with pytest.raises(OperationalError, match="lock timeout"):
                migrate(*column())
            posters.go_on()
            assert columns() == []
        assert posters.errors == []
    finally:
        connections["owner"].close()
        drop_columns()
