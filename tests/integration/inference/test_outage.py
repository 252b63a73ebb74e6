"""The exchange is away for a quarter of an hour: nobody's time runs out, and what was served is paid for."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.answer import Answer, replay
from agent.delivery import deliver
from core.clock import utc_now
from cux.wire.metering import usage
from exchange.models import Entitlement
from inference.models import Job, Lease, ProviderModel, Uptime
from inference.selectors.candidates import is_ready
from inference.selectors.catalogue import card_of
from inference.selectors.jobs import job_get
from inference.selectors.uptime import platform_up_since
from inference.services.job_cancel import job_cancel
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.lease_fail import lease_fail
from inference.services.leases_expire import leases_expire
from inference.services.uptime_record import platform_uptime_record
from tests.integration.inference.books import UNTOUCHED, Books, books
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.scene import EOS, Scene, granted_to, lease_uuid

AWAY = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _our_own_time(db: None) -> Iterator[None]:
    """The exchange's intervals are everybody's: without any it counts as always up."""
    yield
    Uptime.objects.filter(provider__isnull=True).delete()


def leased(scene: Scene, now: datetime) -> Job:
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    return job


def claimed(scene: Scene, now: datetime):
    Entitlement.objects.filter(holder=scene.buyer).update(starts_at=now)
    job = leased(scene, now)
    agent = granted_to(scene, job)
    (lease,) = agent.claim(now=now)
    return job, agent, lease


def look_around(now: datetime) -> None:
    leases_expire(now=now)
    jobs_reconcile(now=now)


def logged(lease, agent, ids: list[int], directory: Path) -> None:
    """Write what an agent writes that serves a lease to its end, and is killed then."""
    directory.mkdir()
    answer = Answer.begin(lease, directory)
    for token in ids:
        answer.append([token])
    answer.finish(agent.finished(lease, ids))
    answer.close(delivered=False)


def test_what_was_served_in_a_quarter_of_an_hour_without_us_is_taken_and_paid(
    scene: Scene, relay: RelayProcess, tmp_path: Path
) -> None:
    now = utc_now()
    gone = now - AWAY
    scene.heartbeats(now=gone)
    job, agent, lease = claimed(scene, gone)
    platform_uptime_record(now=gone)
    logged(lease, agent, [1, 2, EOS], tmp_path / "wal")

    assert platform_up_since(now) is None
    look_around(now)
    platform_uptime_record(now=now)
    look_around(now)
    assert agent.heartbeat(scene.model, now=now, running=[lease.lease_id]).leases_canceled == []
    job.refresh_from_db()
    assert (job.state, job.epoch, job.deadline) == (Job.State.CLAIMED, 1, now + timedelta(seconds=180))

    (owed,) = replay(tmp_path / "wal")
    assert asyncio.run(deliver(owed)) == "accepted"
    job_settle(job_id=job.id, now=utc_now())
    used = usage(card_of(job.model), prompt_tokens=5, output_tokens=3).compute_ucu
    view = job_get(organisation_id=scene.buyer.id, job_id=job.id)
    assert (view.status, view.output_tokens, view.compute_ucu, view.charged_nano_usd) == (
        *("settled", 3, used),
        2_020 * used,
    )
    left = 10_000 - used
    assert books(scene.entitlements[0]) == Books(left, 0, 2_000 * left, 1_800 * used, 200 * used)
    assert asyncio.run(deliver(owed)) == "duplicate"


def test_an_answer_of_an_earlier_epoch_is_not_taken_though_we_were_away(
    make: Callable[..., Scene], relay: RelayProcess, tmp_path: Path
) -> None:
    scene = make(providers=2)
    now = utc_now()
    gone = now - AWAY
    scene.heartbeats(now=gone)
    job, agent, lease = claimed(scene, gone)
    logged(lease, agent, [1, 2, EOS], tmp_path / "wal")
    lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason="engine_failed", now=gone)
    job_dispatch(job_id=job.id, now=gone)
    platform_uptime_record(now=gone)
    platform_uptime_record(now=now)
    (owed,) = replay(tmp_path / "wal")
    assert asyncio.run(deliver(owed)) == "superseded"
    job.refresh_from_db()
    assert (job.state, job.epoch) == (Job.State.LEASED, 2)
    assert books(scene.entitlements[scene.agents.index(agent)]) == UNTOUCHED


def test_a_lease_given_back_before_we_noted_that_we_are_back_moves_its_job_on(
    make: Callable[..., Scene],
) -> None:
    scene = make(providers=2)
    start = utc_now()
    scene.heartbeats(now=start)
    job, agent, lease = claimed(scene, start)
    platform_uptime_record(now=start)
    back = start + AWAY
    for each in scene.agents:
        each.heartbeat(scene.model, now=back, running=[lease.lease_id] if each is agent else [])
    lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason="agent_restarted", now=back)
    platform_uptime_record(now=back)
    look_around(back)
    job.refresh_from_db()
    assert (job.state, job.epoch, job.failure) == (Job.State.LEASED, 2, "")
    assert granted_to(scene, job) is not agent


def test_the_time_we_were_away_is_given_once_and_only_to_those_who_lost_it(scene: Scene) -> None:
    start = utc_now()
    (agent,) = scene.agents
    scene.heartbeats(now=start)
    late, stopped, waiting = (leased(scene, start) for _ in range(3))
    Job.objects.filter(id=late.id).update(deadline=start)
    leases = {lease_uuid(lease): lease for lease in agent.claim(now=start)}
    agent.begin(leases[Lease.objects.get(job=stopped).id], [1], now=start)
    job_cancel(job_id=stopped.id, now=start)
    platform_uptime_record(now=start)
    running = [lease.lease_id for lease in leases.values()]
    agent.heartbeat(scene.model, now=start + timedelta(seconds=50), running=running)
    meanwhile = leased(scene, start + timedelta(seconds=50))
    back = start + timedelta(seconds=100)
    for second in (0, 0, 2):
        platform_uptime_record(now=back + timedelta(seconds=second))

    def seconds_left(rows) -> dict:
        return {getattr(row, "job_id", row.id): (row.deadline - start).total_seconds() for row in rows}

    jobs = {late.id: 0, stopped.id: 180, waiting.id: 280, meanwhile.id: 50 + 180 + 50}
    assert seconds_left(Job.objects.filter(id__in=jobs)) == jobs
    first_token_by = {late.id: 117, stopped.id: 17, waiting.id: 117, meanwhile.id: 50 + 17 + 50}
    assert seconds_left(Lease.objects.filter(job__in=jobs)) == first_token_by


@pytest.mark.parametrize(("silent", "ready"), [(timedelta(0), True), (timedelta(minutes=1), False)])
def test_right_after_an_outage_whoever_was_heard_before_it_is_sent_work(
    scene: Scene, silent: timedelta, ready: bool
) -> None:
    now = utc_now()
    gone = now - AWAY
    scene.heartbeats(now=gone - silent)
    served = ProviderModel.objects.get(provider=scene.agents[0].provider)
    platform_uptime_record(now=gone)
    assert not is_ready(served, now=now)
    platform_uptime_record(now=now)
    assert is_ready(served, now=now) is ready
    # And not for long: by then it could have been heard.
    for seconds in (9, 18, 27):
        platform_uptime_record(now=now + timedelta(seconds=seconds))
    assert not is_ready(served, now=now + timedelta(seconds=27))
