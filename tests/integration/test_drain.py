"""SIGTERM: each process finishes what it has, takes nothing new, and exits with 0 within its grace.

The sequencer's is in `tests/crash/test_sequencer.py`, the agent's in `test_agent_commands.py`, the double's
in `stripe_double/test_process.py`.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from billing.models import Hold
from config.celery import app
from core.clock import utc_now
from tests.environment import ROOT, VAR
from tests.integration.api.conftest import free_port
from tests.integration.billing.books import funded, hold, post
from tests.waiting import eventually

GRACE_S = 10


@contextmanager
def process(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of CUX's processes."""
    environment = os.environ | {
        "CUX_SEQUENCER_SOCKET": str(settings.SEQUENCER_SOCKET),
        "CUX_LOG_LEVEL": "INFO",
    }
    with log.open("wb") as lines:
        running = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=lines, stderr=lines
        )
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def ended(running: subprocess.Popen[bytes]) -> int:
    return running.wait(timeout=GRACE_S)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def serving(application: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = ["config.server", application, "--port", str(port)]
    log = VAR / f"drain-{port}.log"
    with process(*command, log=log) as running:
        eventually(lambda: answers(f"http://127.0.0.1:{port}"), within_s=30)
        yield running, f"http://127.0.0.1:{port}"


@pytest.mark.usefixtures("db")
def test_web_finishes_the_request_that_it_has_and_closes_its_port():
    with serving("config.asgi:application") as (running, url):
        got: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: got.append(httpx.get(f"{url}/v1/instruments", timeout=30)))
        with transaction.atomic(using="owner"), connections["owner"].cursor() as owner:
            owner.execute("LOCK TABLE exchange_instrument IN ACCESS EXCLUSIVE MODE")
            asking.start()
            eventually(lambda: waiting("exchange_instrument"))
            running.send_signal(signal.SIGTERM)
            eventually(lambda: not answers(url))
            assert running.poll() is None
        asking.join(10)
        assert [answer.status_code for answer in got] == [200]
        assert ended(running) == 0


def waiting(table: str) -> bool:
    """Tell whether somebody waits for a lock on the table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table])
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("servers")
def test_a_relay_that_has_nothing_to_do_ends_at_once():
    with serving("config.relay:application") as (running, url):
        running.send_signal(signal.SIGTERM)
        assert ended(running) == 0
        assert not answers(url)


@pytest.mark.usefixtures("db")
def test_a_worker_finishes_the_task_that_it_has(tmp_path):
    placement = hold(funded(10), 5, utc_now() + timedelta(milliseconds=10))
    post(placements=[placement])
    found = Hold.objects.filter(id=placement.hold_id)
    log = tmp_path / "worker.log"
    command = ["celery", "--app", "config.celery:app", "worker", "--pool", "prefork", "--concurrency", "1"]
    queue = f"drain-{placement.hold_id.hex}"  # the others have what earlier tests hinted at
    with process(*command, "--without-gossip", "--without-mingle", "--queues", queue, log=log) as running:
        eventually(lambda: "worker ready." in log.read_text(), within_s=60)
        with transaction.atomic(using="owner"), connections["owner"].cursor() as owner:
            owner.execute("LOCK TABLE billing_hold IN ACCESS EXCLUSIVE MODE")
            app.send_task("billing.holds_expire", queue=queue)
            eventually(lambda: waiting("billing_hold"), within_s=20)
            running.send_signal(signal.SIGTERM)
            eventually(lambda: "Warm shutdown" in log.read_text(), within_s=20)
            assert running.poll() is None
        assert ended(running) == 0
    assert found.get().ended_at is not None


@pytest.mark.usefixtures("servers")
def test_beat_ends_at_once(tmp_path):
    log = tmp_path / "beat.log"
    command = ["celery", "--app", "config.celery:app", "beat", "--schedule", str(tmp_path / "schedule")]
    with process(*command, log=log) as running:
        eventually(lambda: "beat ready." in log.read_text(), within_s=60)
        running.send_signal(signal.SIGTERM)
        assert ended(running) == 0
