"""Migrations while people trade and ask: every order and every job of that time ends as it should."""

import threading
from collections.abc import Callable
from pathlib import Path

from django.db import connections, migrations, models

from core.clock import utc_now
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.billing.test_migrations_under_load import COLUMN, columns, migrate
from tests.integration.inference.scene import EOS, Scene, make_scene
from tests.sequencer_market import Market, make_market
from tests.waiting import eventually

TABLES = {
    "exchange": ["order", "trade", "entitlement"],
    "inference": ["job", "lease"],
}


class AtWork:
    """A thread that does one thing again and again, and counts, until it is told to stop."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.done = 0
        self.error: Exception | None = None
        self._work, self._over = work, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._work()
                self.done += 1
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()

    def go_on(self) -> None:
        """Return when it was done twice more: once from beginning to end since now."""
        before = self.done
        eventually(lambda: self.error or self.done > before + 1, within_s=30)

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)


def trade(market: Market) -> None:
    """Place an order, trade with it in part, cancel the rest."""
    resting = market.sell(1_500, 3)
    assert market.buy(1_500, 1, tif="IOC").body["status"] == "filled"
    assert market.cancel(market.seller, resting).body["status"] == "canceled"


def ask(scene: Scene) -> None:
    """Run a job from its quote to its receipt."""
    now = utc_now()
    job = scene.create(now=now)
    assert job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=utc_now())


def test_columns_come_while_orders_are_placed_and_jobs_run(exchange: object, tmp_path: Path) -> None:
    market, scene = make_market(), make_scene(tmp_path)
    workers = [AtWork(lambda: trade(market)), AtWork(lambda: ask(scene))]
    note = models.CharField(max_length=8, db_default="")
    try:
        for worker in workers:
            worker.go_on()
        for app, tables in TABLES.items():
            for table in tables:  # one a migration: it never holds one table while it waits for another
                migrate(migrations.AddField(table, COLUMN, note), app=app)
                for worker in workers:
                    worker.go_on()
        assert columns() == sorted(f"{app}_{table}" for app, tables in TABLES.items() for table in tables)
    finally:
        for worker in workers:
            worker.stop()
        with connections["owner"].cursor() as cursor:
            for app, tables in TABLES.items():
                for table in tables:
                    cursor.execute(f"ALTER TABLE {app}_{table} DROP COLUMN IF EXISTS {COLUMN}")
    assert [worker.error for worker in workers] == [None, None]
    assert set(Job.objects.filter(organisation=scene.buyer).values_list("state", flat=True)) == {"completed"}
    traded, filled = market.rows()["trades"], workers[0].done
    assert (len(traded), sum(row["quantity_lots"] for row in traded)) == (filled, filled)
