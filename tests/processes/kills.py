"""Kills of CUX's processes under load, and what has to hold afterwards."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

import psycopg

from config.processes import ROOT
from core.supervisor import child
from tests.e2e.stack import Stack
from tests.processes.engine import engine
from tests.processes.load import Load
from tests.waiting import eventually

TARGETS: Final = ("web", "worker", "relay", "beat")
WITHIN_S: Final = 120


@contextmanager
def stack(var: Path) -> Iterator[Stack]:
    """Run everything, on data in `var`, with agents that are attached to an engine which answers at once.

    The supervisor starts again what was killed without waiting longer each time.
    """
    with engine() as url, mock.patch.object(child, "BACKOFF_MAX_S", child.BACKOFF_FIRST_S):
        running = Stack(var, engine_url=url)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def kill_all(running: Stack, load: Load, numbers: random.Random) -> None:
    """Kill each target once, in any order and at any moment of the load; wait until all work again."""
    answers = len(load.answers)
    killed = {target: running.supervisor.pid(target) for target in TARGETS}
    for target in numbers.sample(TARGETS, len(TARGETS)):
        enough = load.acknowledged + numbers.randint(0, 3)
        eventually(lambda enough=enough: load.acknowledged >= enough, within_s=WITHIN_S)
        running.kill(target)
    for target, pid in killed.items():
        eventually(
            lambda target=target, pid=pid: running.supervisor.pid(target) not in (None, pid),
            within_s=WITHIN_S,
        )
        running.wait_ready(target)
    eventually(lambda: len(load.answers) > answers, within_s=WITHIN_S)


def check(running: Stack, load: Load) -> Mapping[str, int]:
    """Wait until every job has ended, and assert that what was answered stands, once."""
    with running.connect() as database:
        eventually(lambda: not _count(database, "inference_job WHERE ended_at IS NULL"), within_s=WITHIN_S)
        names = list(load.orders)
        rows = "SELECT client_order_id, id FROM exchange_order WHERE client_order_id = ANY(%s)"
        found = [(name, f"ord_{id.hex}") for name, id in database.execute(rows, [names])]
        assert sorted(found) == sorted(load.orders.items())
        answered = [answer["usage"]["cux"]["job_id"] for answer in load.answers.values() if "usage" in answer]
        assert len(set(answered)) == len(answered)
        jobs = [job.removeprefix("job_") for job in answered]
        completed = "inference_job WHERE state = 'completed'"
        assert _count(database, f"{completed} AND id = ANY(%s::uuid[])", jobs) == len(jobs)
        settled = "SELECT 'settle:' || id FROM inference_job WHERE state = 'completed'"
        assert _count(database, f"billing_entry WHERE key IN ({settled})") == _count(database, completed)
        assert _count(database, "inference_receipt") == _count(database, completed)
    verify = [sys.executable, "manage.py", "ledger_verify"]
    environment = os.environ | dict(running.place.environment)
    done = subprocess.run(verify, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return {"orders": len(found), "questions": len(load.answers), "answers": len(jobs)}


def _count(database: psycopg.Connection[Any], rows: str, *parameters: Any) -> int:
    found = database.execute(f"SELECT count(*) FROM {rows}", parameters).fetchone()
    assert found is not None
    return int(found[0])
