"""A provider has slots: what is beyond them waits, and is not held against it."""

from datetime import timedelta

from core.clock import utc_now
from exchange.models import Cover
from inference.models import Job, Lease, ProviderModel
from inference.services.job_dispatch import job_dispatch
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.leases_expire import leases_expire
from tests.integration.inference.scene import EOS, Scene


def test_jobs_beyond_a_provider_s_slots_wait_and_are_not_held_against_it(scene: Scene) -> None:
    now = utc_now()
    (agent,) = scene.agents
    jobs = [scene.create(now=now) for _ in range(9)]
    for job in jobs:
        job_dispatch(job_id=job.id, now=now)
    leases = agent.claim(now=now, free_slots=8)
    assert len(leases) == 8
    late = now + timedelta(seconds=5)
    agent.heartbeat(scene.model, now=late, running=[each.lease_id for each in leases])
    ProviderModel.objects.filter(provider=agent.provider).update(slots=8)
    leases_expire(now=late)
    jobs_reconcile(now=late)
    waiting = Job.objects.get(id=jobs[8].id)
    assert (waiting.state, Lease.objects.filter(job=waiting).exists()) == ("queued", False)
    assert not Cover.objects.filter(job_id=waiting.id).exists()

    agent.deliver(leases[0], [1, EOS], now=late)
    jobs_reconcile(now=late)
    assert len(agent.claim(now=late, free_slots=1)) == 1


def test_a_provider_that_says_it_has_no_slot_is_still_asked(scene: Scene) -> None:
    ProviderModel.objects.filter(provider=scene.agents[0].provider).update(slots=0)
    job = scene.create(now=utc_now())
    assert job_dispatch(job_id=job.id, now=utc_now()) is not None
