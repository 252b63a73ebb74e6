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

from config.celery import PERIODS_S, app
from core import hints
from core.clock import utc_now
from core.embedded import Valkey
from core.models import OutboxMessage
from cux.wire import agent
from inference.models import Job, ProviderModel
from inference.services.job_dispatch import job_dispatch
from tests.environment import ROOT
from tests.integration.inference.scene import EOS, Scene
from tests.waiting import is_alive

PATIENCE_S = 30
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


def claim(scene: Scene) -> agent.Lease:
    return eventually(lambda: scene.agents[0].claim(now=utc_now()))[0]


def ended(job: Job) -> str:
    return eventually(lambda: Job.objects.filter(id=job.id, ended_at__isnull=False).first()).state


def deliver(scene: Scene, lease: agent.Lease) -> None:
    assert scene.agents[0].deliver(lease, [1, 2, EOS], now=utc_now()).status == "accepted"


def test_a_worker_dispatches_and_settles_by_hints_alone(scene: Scene) -> None:
    with worker():
        warm = scene.create(now=utc_now())
        deliver(scene, claim(scene))
        assert ended(warm) == Job.State.COMPLETED

        started = time.monotonic()
        job = scene.create(now=utc_now())
        deliver(scene, claim(scene))
        assert ended(job) == Job.State.COMPLETED
        assert time.monotonic() - started < 5


def test_a_job_that_waits_for_a_slot_is_dispatched_when_one_is_free(scene: Scene) -> None:
    ProviderModel.objects.filter(provider=scene.agents[0].provider).update(slots=1)
    with worker():
        first = scene.create(now=utc_now())
        lease = claim(scene)
        second = scene.create(now=utc_now())
        assert job_dispatch(job_id=second.id, now=utc_now()) is None
        deliver(scene, lease)
        assert ended(first) == Job.State.COMPLETED
        deliver(scene, claim(scene))
        assert ended(second) == Job.State.COMPLETED


def test_what_a_dead_worker_left_is_done_by_the_next_one(scene: Scene, tmp_path: Path) -> None:
    with celery("beat", "--schedule", str(tmp_path / "schedule")):
        with worker():
            streaming = scene.create(now=utc_now())
            lease = claim(scene)
        queued = scene.create(now=utc_now())
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


@pytest.fixture
def broker(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """A broker of the test's own, which it may kill; hints and processes use it."""
    server = Valkey(tmp_path / "broker")
    settings.BROKER_URL = server.start()
    monkeypatch.setenv("BROKER_URL", settings.BROKER_URL)
    hints._producer.cache_clear()
    yield server
    hints._producer.cache_clear()
    server.stop()


def kill(server: Valkey) -> None:
    killed = server.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not is_alive(killed))


def test_a_broker_that_dies_delays_work_and_loses_none(scene: Scene, broker: Valkey, tmp_path: Path) -> None:
    with celery("beat", "--schedule", str(tmp_path / "schedule")), worker():
        streaming = scene.create(now=utc_now())
        lease = claim(scene)
        kill(broker)
        queued = scene.create(now=utc_now())
        deliver(scene, lease)
        broker.start()
        assert ended(streaming) == Job.State.COMPLETED
        deliver(scene, claim(scene))
        assert ended(queued) == Job.State.COMPLETED


def test_every_task_of_the_clock_exists() -> None:
    app.loader.import_default_modules()
    assert set(PERIODS_S) <= set(app.tasks)
