"""100,000 deliveries of the message "settle this job" for 10,000 jobs: 10,000 settlements."""

import random
import tempfile
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import connections

from billing.models import Entry
from core.clock import utc_now
from inference.models import Receipt
from inference.services.job_dispatch import job_dispatch
from inference.tasks import job_settle_task
from tests.crash.checks import ledger_is_sound
from tests.integration.inference.scene import EOS, Scene, make_scene

JOBS, TIMES = 10_000, 10
OF_A_UNIT = 250
THREADS = 8


class Deliveries:
    """A unit is 250 jobs; each message comes ten times, in any order, to eight workers at once."""

    name = "deliveries of messages"
    planned = JOBS // OF_A_UNIT

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Settle, and count what was settled."""
        for unit in range(done, self.planned):
            with tempfile.TemporaryDirectory(prefix="cux") as directory:
                figures = deliver(Path(directory), jobs=OF_A_UNIT, seed=unit)
            ledger_is_sound()
            yield {**figures, "ledgers_verified": 1}


def deliver(directory: Path, *, jobs: int, seed: int) -> dict[str, int]:
    """Have so many jobs settled by ten times as many messages; assert that each was settled once."""
    scene = make_scene(directory, quantity_ucu=jobs * 100)
    ids = [_delivered(scene) for _ in range(jobs)]
    messages = ids * TIMES
    random.Random(seed).shuffle(messages)
    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(_settle, messages))
    keys = [f"settle:{job_id}" for job_id in ids]
    settled = Entry.objects.filter(key__in=keys).count()
    assert (settled, Receipt.objects.filter(job_id__in=ids).count()) == (jobs, jobs)
    return {"deliveries": len(messages), "jobs": jobs, "settlements": settled}


def _delivered(scene: Scene) -> str:
    now = utc_now()
    scene.heartbeats(now=now)
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    return str(job.id)


def _settle(job_id: str) -> None:
    try:
        job_settle_task(job_id=job_id)
    finally:
        connections.close_all()
