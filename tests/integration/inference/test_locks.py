"""What the locks of jobs, providers and holders are for."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.db import transaction

from billing.models import Entry
from core.clock import utc_now
from core.errors import Code
from core.ids import new_id
from cux.wire.agent import EnrolRequest
from cux.wire.signing import SigningKey
from exchange.models import MinuteCandle, MinutesRolled
from exchange.selectors.minutes import MINUTE, floor
from exchange.services import minutes_roll as minutes
from exchange.services.entitlement_reserve import entitlement_reserve
from exchange.services.minutes_roll import minutes_roll
from inference.locks import job_lock
from inference.models import Job, Lease, Provider, ProviderModel, Receipt
from inference.services.job_dispatch import dispatch_at_once, job_dispatch
from inference.services.job_settle import job_settle
from inference.services.provider_enrol import provider_create, provider_enrol
from inference.services.relay_checkpoint import Counted, relay_checkpoints
from tests.builders import organisation
from tests.database import is_waited_for
from tests.integration.inference import scene as scenes
from tests.integration.inference.scene import EOS, Scene, make_entitlement
from tests.races import race

Make = Callable[..., Scene]


def test_a_job_is_settled_once_by_two_at_once(scene: Scene) -> None:
    job = scene.create(now=utc_now())
    job_dispatch(job_id=job.id, now=utc_now())
    (lease,) = scene.agents[0].claim(now=utc_now())
    scene.agents[0].deliver(lease, [1, 2, EOS], now=utc_now())
    first, second = race(*[lambda: job_settle(job_id=job.id, now=utc_now())] * 2)
    assert (second.state, second.ended_at) == ("completed", first.ended_at)
    assert Entry.objects.filter(key=f"settle:{job.id}").count() == 1
    assert Receipt.objects.filter(job=job).count() == 1


def test_a_job_is_dispatched_once_and_nobody_waits_for_it(scene: Scene) -> None:
    job = scene.create(now=utc_now())
    waited: list[bool] = []
    first, second = race(
        *[lambda: job_dispatch(job_id=job.id, now=utc_now())] * 2, lambda: waited.append(is_waited_for())
    )
    assert (first.job_id, second, waited) == (job.id, None, [False])
    assert Lease.objects.get(job=job).epoch == 1


def test_a_lease_is_handed_over_once(scene: Scene) -> None:
    job = scene.create(now=utc_now())
    job_dispatch(job_id=job.id, now=utc_now())
    first, second = race(*[lambda: scene.agents[0].claim(now=utc_now())] * 2)
    assert (len(first), second) == (1, [])


def test_a_checkpoint_that_comes_beside_a_longer_one_is_left_out(scene: Scene) -> None:
    job = scene.create(now=utc_now())
    job_dispatch(job_id=job.id, now=utc_now())
    (lease,) = scene.agents[0].claim(now=utc_now())
    scene.agents[0].open(lease, now=utc_now())
    row = Lease.objects.get(job=job)
    race(
        lambda: relay_checkpoints(counts={row.id: Counted([1, 2, 3])}, now=utc_now()),
        lambda: relay_checkpoints(counts={row.id: Counted([1])}, now=utc_now()),
    )
    row.refresh_from_db()
    assert row.output_tokens == 3


def test_two_leases_at_once_are_within_a_providers_slots(make: Make) -> None:
    scene = make(quantity_ucu=100_000)
    ProviderModel.objects.filter(provider=scene.agents[0].provider).update(slots=1)
    jobs = [scene.create(now=utc_now()) for _ in range(2)]
    dispatches = [lambda id=job.id: job_dispatch(job_id=id, now=utc_now()) for job in jobs]
    first, second = race(*dispatches)
    assert (first.job_id, second) == (jobs[0].id, None)
    assert Lease.objects.filter(provider=scene.agents[0].provider).count() == 1


def test_a_job_that_is_granted_at_once_does_not_wait_for_who_is_at_its_provider(make: Make) -> None:
    """Nor does it take a slot that is being given away."""
    scene = make(quantity_ucu=100_000)
    ProviderModel.objects.filter(provider=scene.agents[0].provider).update(slots=1)
    jobs = [scene.create(now=utc_now()) for _ in range(2)]
    race(
        lambda: job_dispatch(job_id=jobs[0].id, now=utc_now()),
        lambda: dispatch_at_once(job=jobs[1], now=utc_now()),
    )
    assert Lease.objects.get(provider=scene.agents[0].provider).job_id == jobs[0].id
    assert Job.objects.get(id=jobs[1].id).state == "queued"


def test_a_job_that_somebody_is_at_is_passed_over(make: Make) -> None:
    scene = make(quantity_ucu=100_000)
    held, other = (scene.create(now=utc_now()) for _ in range(2))
    race(lambda: job_lock(held.id), lambda: job_dispatch(job_id=other.id, now=utc_now()))
    assert Lease.objects.get(provider=scene.agents[0].provider).job_id == other.id
    assert Job.objects.get(id=held.id).state == "queued"


@pytest.mark.usefixtures("db")
def test_a_token_enrols_one_of_two() -> None:
    created = provider_create(organisation_id=organisation("provider").id, name="host")
    asked = [
        EnrolRequest(
            token=created.enrol_token,
            public_key=SigningKey(os.urandom(32)).public.hex(),
            name="host",
            agent_version="1",
            hardware="2 cores",
        )
        for _ in range(2)
    ]
    enrolments = [lambda request=request: provider_enrol(request=request, now=utc_now()) for request in asked]
    _, second = race(*enrolments)
    assert second is Code.INVALID_ENROL_TOKEN
    assert Provider.objects.get(id=created.provider.id).public_key == asked[0].public_key


def test_two_jobs_reserve_what_is_left_of_two_entitlements(scene: Scene) -> None:
    owner = scene.agents[0].provider.organisation
    scene.entitlements.append(make_entitlement(scene.instrument, scene.buyer, owner, 10_000))

    def reserve() -> object:
        with transaction.atomic():
            return (
                entitlement_reserve(
                    organisation_id=scene.buyer.id,
                    compute_class=scene.instrument.compute_class_id,
                    compute_ucu=10_000,
                    job_id=new_id(),
                    now=utc_now(),
                    order=list,
                )
                .parts[0]
                .entitlement_id
            )

    assert race(reserve, reserve) == tuple(row.id for row in scene.entitlements)


def test_a_minute_is_added_up_once(scene: Scene) -> None:
    def earlier() -> datetime:
        return utc_now() - timedelta(minutes=10)

    owner = scene.agents[0].provider.organisation
    with mock.patch.object(scenes, "utc_now", earlier):
        old = make_entitlement(scene.instrument, scene.buyer, owner, 10_000)
    while minutes_roll():
        pass
    rolled = MinutesRolled.objects.filter(instrument=scene.instrument)
    start, until = floor(old.trade.traded_at, MINUTE), rolled.get().until
    MinuteCandle.objects.filter(instrument=scene.instrument).delete()
    rolled.update(until=start)

    def not_yet_done() -> int:
        with mock.patch.object(minutes, "_GO_ON", "SELECT %s, %s"):
            return minutes_roll()

    assert race(not_yet_done, minutes_roll, lambda: rolled.update(until=until)) == (1, 0)
    assert MinuteCandle.objects.get(instrument=scene.instrument, start_at=start).trades == 1
