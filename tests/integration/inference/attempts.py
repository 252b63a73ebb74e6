"""What becomes of a job's attempts: a provider begins its answer, dies within it, or ends it."""

from datetime import datetime

from cux.wire import agent as protocol
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from tests.integration.inference.scene import Agent, Scene, granted_to, lease_uuid


def claim(scene: Scene, job: Job, *, now: datetime) -> tuple[Agent, protocol.Lease]:
    """Have the job's provider claim it."""
    job_dispatch(job_id=job.id, now=now)
    agent = granted_to(scene, job)
    (lease,) = agent.claim(now=now)
    return agent, lease


def begin(scene: Scene, job: Job, ids: list[int], *, now: datetime) -> tuple[Agent, protocol.Lease]:
    """Have the job's provider claim it and deliver `ids`, which are not all."""
    agent, lease = claim(scene, job, now=now)
    agent.begin(lease, ids, now=now)
    return agent, lease


def die(scene: Scene, job: Job, ids: list[int], *, now: datetime, reason: str = "engine_failed") -> Agent:
    """Have the job's provider deliver `ids` and die."""
    agent, lease = begin(scene, job, ids, now=now)
    lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason=reason, now=now)
    return agent


def end(scene: Scene, job: Job, ids: list[int], *, now: datetime) -> tuple[Agent, protocol.Lease]:
    """Have the job's next provider deliver the rest, and settle."""
    agent, lease = claim(scene, job, now=now)
    assert agent.deliver(lease, ids, now=now).status == "accepted"
    job_settle(job_id=job.id, now=now)
    return agent, lease
