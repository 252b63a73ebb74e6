"""A buyer with compute and a scripted provider, for the pages about jobs.

Made and moved in a thread of its own, since Playwright occupies the test's.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.db import connections

from accounts.services import member_create
from core.clock import utc_now
from core.ids import public_id
from cux.wire.agent import Lease
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.builders import unique
from tests.e2e.web_scene import PASSWORD
from tests.integration.inference.scene import EOS, Scene, make_scene

T = TypeVar("T")
ANSWER = "The capital of France is Paris."


def in_thread(work: Callable[[], T]) -> T:
    """Run database work outside the thread that Playwright's loop runs in."""

    def closing() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(closing).result()


@dataclass
class Lab:
    """The scene, its people's logins, and a job that is settled already."""

    scene: Scene
    buyer: str
    provider: str
    job_id: str

    def deliver(self) -> Job:
        """Have the provider answer the newest question."""
        now = utc_now()
        job = Job.objects.filter(organisation=self.scene.buyer).latest("created_at")
        job_dispatch(job_id=job.id, now=now)
        (lease,) = self.scene.agents[0].claim(now=now)
        self._answer(lease)
        return job

    def _answer(self, lease: Lease) -> None:
        ids = [*self.scene.text_ids(ANSWER), EOS]
        result = self.scene.agents[0].deliver(lease, ids, now=utc_now())
        assert result.status == "accepted"


def make_lab(directory: Path) -> Lab:
    """Make a buyer with compute, a provider, and one settled job."""
    scene = make_scene(directory)
    lab = Lab(scene, unique("lab"), unique("plant"), "")
    member_create(organisation_id=scene.buyer.id, username=lab.buyer, password=PASSWORD)
    owner = scene.agents[0].organisation_id
    member_create(organisation_id=owner, username=lab.provider, password=PASSWORD)
    scene.create(now=utc_now(), text="Which city is the capital of France?", max_tokens=40)
    job = lab.deliver()
    job_settle(job_id=job.id, now=utc_now())
    lab.job_id = public_id("job", job.id)
    return lab
