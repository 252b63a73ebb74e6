"""A job runs by itself: real Celery worker and beat on the real broker, either of which may die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection

from config.celery import PERIODS_S, app
from core import hints
from core.clock import utc_now
from core.embedded import Valkey
from core.models import OutboxMessage
from cux.wire import agent
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from tests.environment import ROOT
from tests.integration.inference.scene import EOS, Scene
from tests.waiting import is_alive

PATIENCE_S = 60  # of which a worker needs up to 20 to start beside other tests
T = TypeVar("T")


@contextmanager
def celery(*arguments: str) -> Iterator[None]:
    """Run one Celery process; at the end kill it with its children, as a power cut would."""
    command = [sys.executable, "-m", "celery", "--app", "config.celery:app", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, env=dict(os.environ))
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(autouse=True)
def broker(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """A broker of the test's own: it may be killed, and no hints of earlier tests lie in it."""
    server = Valkey(tmp_path / "broker")
    settings.BROKER_URL = server.start()
    monkeypatch.setenv("BROKER_URL", settings.BROKER_URL)
    hints._producer.cache_clear()
    yield server
    hints._producer.cache_clear()
    server.stop()


def worker() -> ExitStack:
    stack = ExitStack()
    stack.enter_context(celery("worker", "--concurrency", "1", "--without-gossip", "--without-mingle"))
    return stack


def eventually(look: Callable[[], T]) -> T:
    """Return what `look` gives once it is true."""
    until = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def create(scene: Scene) -> Job:
    """Post a job while the providers are there: a worker may need longer to start than they may be silent."""
    scene.heartbeats(now=utc_now())
    return scene.create(now=utc_now())


def claim(scene: Scene) -> agent.Lease:
    def look() -> list[agent.Lease]:
        scene.heartbeats(now=utc_now())
        return scene.agents[0].claim(now=utc_now())

    return eventually(look)[0]


def ended(job: Job) -> str:
    def look() -> list[str]:
        return list(Job.objects.filter(id=job.id, ended_at__isnull=False).values_list("state", flat=True))

    return eventually(look)[0]


def deliver(scene: Scene, lease: agent.Lease) -> None:
    assert scene.agents[0].deliver(lease, [1, 2, EOS], now=utc_now()).status == "accepted"


def test_a_worker_dispatches_and_settles_by_hints_alone(scene: Scene) -> None:
    with worker():
        warm = create(scene)
        deliver(scene, claim(scene))
        assert ended(warm) == Job.State.COMPLETED

        started = time.monotonic()
        job = create(scene)
        deliver(scene, claim(scene))
        assert ended(job) == Job.State.COMPLETED
        assert time.monotonic() - started < 5


def test_a_job_that_waits_for_a_slot_is_dispatched_when_one_is_free(scene: Scene) -> None:
    scene.agents[0].slots = 1
    with worker():
        first = create(scene)
        lease = claim(scene)
        second = create(scene)
        assert job_dispatch(job_id=second.id, now=utc_now()) is None
        deliver(scene, lease)
        assert ended(first) == Job.State.COMPLETED
        deliver(scene, claim(scene))
        assert ended(second) == Job.State.COMPLETED


def sessions() -> set[int]:
    """Return the pids of the sessions with the database, but for our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def complete(scene: Scene) -> None:
    job = create(scene)
    deliver(scene, claim(scene))
    assert ended(job) == Job.State.COMPLETED


def test_a_worker_keeps_its_session_from_task_to_task_and_goes_on_where_it_is_cut(scene: Scene) -> None:
    before = sessions()
    with worker():
        complete(scene)
        kept = sessions() - before
        complete(scene)
        assert len(kept) == 1
        assert sessions() - before == kept
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [*kept])
        complete(scene)


def test_what_a_dead_worker_left_is_done_by_the_next_one(scene: Scene, tmp_path: Path) -> None:
    with celery("beat", "--schedule", str(tmp_path / "schedule")):
        with worker():
            streaming = create(scene)
            lease = claim(scene)
        queued = create(scene)
        deliver(scene, lease)
        # The hints lie in the broker, or went with the dead worker: the clock's tasks find the rows.
        with worker():
            assert ended(streaming) == Job.State.COMPLETED
            deliver(scene, claim(scene))
            assert ended(queued) == Job.State.COMPLETED
            mine = OutboxMessage.objects.filter(
                payload__job_id__in=[str(streaming.id), str(queued.id)], sent_at__isnull=True
            )
            eventually(lambda: not mine.exists())


def kill(server: Valkey) -> None:
    killed = server.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not is_alive(killed))


def test_a_broker_that_dies_delays_work_and_loses_none(scene: Scene, broker: Valkey, tmp_path: Path) -> None:
    with celery("beat", "--schedule", str(tmp_path / "schedule")), worker():
        streaming = create(scene)
        lease = claim(scene)
        kill(broker)
        queued = create(scene)
        deliver(scene, lease)
        broker.start()
        assert ended(streaming) == Job.State.COMPLETED
        deliver(scene, claim(scene))
        assert ended(queued) == Job.State.COMPLETED


def test_every_task_of_the_clock_exists() -> None:
    app.loader.import_default_modules()
    assert set(PERIODS_S) <= set(app.tasks)
