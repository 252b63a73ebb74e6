"""Who a job goes to, whose turn it is, and who rests after faults."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from inference.models import Job, Lease, Provider, ProviderModel, ServiceDay, Uptime
from inference.routing import Circuit, Preferences
from inference.routing.latency import bucket_of
from inference.selectors.candidates import breaker, standings
from inference.selectors.gauges import GAUGES
from inference.services.job_cancel import job_cancel
from inference.services.job_create import job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.lease_fail import lease_fail
from inference.services.leases_expire import leases_expire
from inference.services.reservation import reservation_place
from inference.services.sampling import Sampling
from tests.builders import organisation
from tests.integration.inference.books import UNTOUCHED, books
from tests.integration.inference.scene import EOS, Agent, Scene, granted_to, make_entitlement

Make = Callable[..., Scene]


def wanting(scene: Scene, preferences: Preferences, *, now: datetime) -> Job:
    """Create a job with preferences, reserved anew under them."""
    job = scene.create(now=now)
    Job.objects.filter(id=job.id).update(routing=preferences.stored())
    job.refresh_from_db()
    return job


def fail(scene: Scene, job: Job, *, reason: str = "engine_failed", now: datetime) -> Agent:
    """Have the provider that the job is leased to give it up; return it."""
    agent = granted_to(scene, job)
    lease = Lease.objects.get(job=job, state__in=Lease.LIVE)
    assert lease_fail(lease_id=lease.id, provider_id=lease.provider_id, reason=reason, now=now)
    return agent


def circuit(agent: Agent, *, now: datetime) -> Circuit:
    return breaker(Provider.objects.get(id=agent.provider.id), now=now).circuit


def circuits() -> dict[str, int]:
    """Return what `/metrics` says of them."""
    (gauge,) = (each for each in GAUGES if each.name == "cux_provider_circuits")
    with connection.cursor() as cursor:
        cursor.execute(gauge.query, gauge.parameters)
        return dict(cursor.fetchall())


def serve(scene: Scene, agent: Agent, *, now: datetime) -> Job:
    """Run one job on the agent's provider, the only one that may."""
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = agent.claim(now=now)
    agent.deliver(lease, [1, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    return job


def test_a_job_s_route_says_who_might_have_run_it_and_why(make: Make) -> None:
    scene = make(providers=3)
    scene.agents[2].heartbeat(scene.model, now=utc_now(), draining=True)
    job = scene.create(now=utc_now())
    by_name = {each["provider"]: each for each in job.route["candidates"]}
    names = [each.provider.name for each in scene.agents]
    assert sorted(by_name) == sorted(names)
    assert job.route["chosen"] in names[:2]
    assert [by_name[name]["weight_ppm"] for name in names] == [500_000, 500_000, 0]
    assert by_name[names[2]]["why"] == "not ready"
    assert by_name[names[0]]["why"] == (
        "2.020000 USD/CU; delivers 59.5 % at least; not timed yet; 0 of 8 slots taken"
    )
    assert job.route["attempts"] == 1


def test_jobs_are_spread_over_providers(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    chosen = [scene.create(now=now).provider_id for _ in range(16)]
    assert {chosen.count(each.provider.id) for each in scene.agents} <= set(range(1, 16))


def test_the_first_to_expire_of_the_chosen_provider_is_drawn_first(make: Make) -> None:
    scene = make(providers=1)
    (agent,) = scene.agents
    later = make_entitlement(scene.instrument, scene.buyer, agent.provider.organisation, 10_000)
    type(later).objects.filter(id=later.id).update(ends_at=later.ends_at + timedelta(hours=1))
    job = scene.create(now=utc_now())
    assert [each.entitlement_id for each in job.reservations.all()] == [scene.entitlements[0].id]


def test_nobody_who_is_not_wanted_runs_a_job(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    wanted, other = (each.provider.name for each in scene.agents)
    for preferences in (Preferences(only=(wanted,)), Preferences(ignore=(other,))):
        for _ in range(4):
            job = wanting(scene, preferences, now=now)
            job_dispatch(job_id=job.id, now=now)
            if granted_to(scene, job).provider.name == other:
                fail(scene, job, reason="draining", now=now)
                job.refresh_from_db()
                assert job.route["chosen"] == wanted


def test_who_owes_enough_but_is_not_wanted_counts_as_owing_nothing(make: Make) -> None:
    scene = make(providers=1)
    now = utc_now()
    job = scene.create(now=now)
    job.routing = Preferences(max_price_nano_usd_per_cu=2_019_999_999).stored()
    before = books(scene.entitlements[0])
    with pytest.raises(CuxError) as refusal:
        reservation_place(job=job, now=now)
    assert refusal.value.code is Code.INSUFFICIENT_ENTITLEMENT
    assert books(scene.entitlements[0]) == before
    job.routing = Preferences(max_price_nano_usd_per_cu=2_020_000_000).stored()
    reservation_place(job=job, now=now)


def test_deliveries_and_faults_are_counted_as_they_happen(scene: Scene) -> None:
    now = utc_now()
    (agent,) = scene.agents
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = agent.claim(now=now)
    agent.begin(lease, [1], now=now + timedelta(milliseconds=120))
    agent.deliver(lease, [1, EOS], now=now + timedelta(seconds=2))
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    fail(scene, job, now=now)
    (standing,) = standings(provider_ids=[agent.provider.id], now=now).values()
    assert (standing.delivered, standing.failed) == (1, 1)
    assert standing.first_token_counts[bucket_of(120)] == sum(standing.first_token_counts) == 1
    assert standing.first_token_p50_ms == standing.first_token_p99_ms == 127
    assert standings(provider_ids=[agent.provider.id], now=now + timedelta(days=6)).values()
    assert not standings(provider_ids=[agent.provider.id], now=now + timedelta(days=7))


@pytest.mark.parametrize("excuse", ["draining", "canceled", "outage"])
def test_what_is_not_the_provider_s_fault_is_not_counted(make: Make, excuse: str) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    if excuse == "outage":
        up_again = now + timedelta(seconds=60)
        spans = [Uptime.objects.create(provider=None, started_at=at, ended_at=at) for at in (now, up_again)]
        leases_expire(now=now + timedelta(seconds=65))
        Uptime.objects.filter(id__in=[each.id for each in spans]).delete()
    elif excuse == "canceled":
        granted_to(scene, job).claim(now=now)
        job_cancel(job_id=job.id, now=now)
        fail(scene, job, now=now)
    else:
        fail(scene, job, reason="draining", now=now)
    assert Lease.objects.get(job=job, epoch=1).state in (Lease.State.FAILED, Lease.State.EXPIRED)
    assert not ServiceDay.objects.filter(model=scene.model)
    assert not Provider.objects.filter(id__in=[each.provider.id for each in scene.agents], faults__gt=0)


def test_two_faults_in_a_row_open_the_circuit_and_one_job_tries_it(make: Make) -> None:
    scene = make(providers=1)
    (agent,) = scene.agents
    now = utc_now()
    jobs = [scene.create(now=now) for _ in range(4)]
    for job in jobs:
        job_dispatch(job_id=job.id, now=now)
    fail(scene, jobs[0], now=now)
    assert circuit(agent, now=now) is Circuit.CLOSED
    fail(scene, jobs[1], now=now)
    for seconds, expected in ((0, Circuit.OPEN), (29, Circuit.OPEN), (30, Circuit.HALF_OPEN)):
        assert circuit(agent, now=now + timedelta(seconds=seconds)) is expected
    with pytest.raises(CuxError) as refusal:
        scene.create(now=now)
    assert refusal.value.code is Code.DEPENDENCY_UNAVAILABLE

    rested = now + timedelta(seconds=30)
    agent.heartbeat(scene.model, now=rested)
    first, second = (scene.create(now=rested) for _ in range(2))
    assert job_dispatch(job_id=first.id, now=rested) is not None
    assert circuit(agent, now=rested) is Circuit.OPEN
    assert job_dispatch(job_id=second.id, now=rested) is None
    fail(scene, first, now=rested)
    assert circuit(agent, now=rested + timedelta(seconds=29)) is Circuit.OPEN

    again = rested + timedelta(seconds=30)
    agent.heartbeat(scene.model, now=again)
    assert job_dispatch(job_id=second.id, now=again) is not None
    assert Provider.objects.get(id=agent.provider.id).canary == Lease.objects.get(job=second).id


def test_a_delivered_canary_closes_the_circuit(make: Make) -> None:
    scene = make(providers=1)
    (agent,) = scene.agents
    now = utc_now()
    Provider.objects.filter(id=agent.provider.id).update(faults=2, last_fault_at=now - timedelta(seconds=30))
    assert circuit(agent, now=now) is Circuit.HALF_OPEN
    serve(scene, agent, now=now)
    assert circuit(agent, now=now) is Circuit.CLOSED
    assert Provider.objects.get(id=agent.provider.id).faults == 0


def test_a_canary_whose_caller_leaves_lets_the_next_job_try_the_provider(make: Make) -> None:
    scene = make(providers=1)
    (agent,) = scene.agents
    now = utc_now()
    Provider.objects.filter(id=agent.provider.id).update(faults=2, last_fault_at=now - timedelta(seconds=90))
    Provider.objects.exclude(id=agent.provider.id).update(enrolled_at=None)
    left = scene.create(now=now)
    assert job_dispatch(job_id=left.id, now=now) is not None
    assert (circuit(agent, now=now), circuits()) == (Circuit.OPEN, {"open": 1})
    job_cancel(job_id=left.id, now=now)
    assert (circuit(agent, now=now), circuits()) == (Circuit.HALF_OPEN, {"half_open": 1})
    serve(scene, agent, now=now)
    assert (circuit(agent, now=now), circuits()) == (Circuit.CLOSED, {"closed": 1})


def test_jobs_that_wait_for_a_provider_that_opens_its_circuit_go_to_another(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    first = next(each for each in scene.agents if each.provider.id == job.provider_id)
    Provider.objects.filter(id=first.provider.id).update(faults=2, last_fault_at=now)
    assert job_dispatch(job_id=job.id, now=now) is not None
    assert granted_to(scene, job) is not first
    owed_by_first = next(e for e in scene.entitlements if e.provider_id == first.organisation_id)
    assert books(owed_by_first) == UNTOUCHED


class Queue:
    """One slot, and who got it in which order."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        (self.agent,) = scene.agents
        ProviderModel.objects.filter(provider=self.agent.provider).update(slots=1)
        self.names: dict[str, str] = {}
        self.now = utc_now()

    def buyer(self, name: str, *, price: int = 2_000) -> "Scene":
        owner = organisation("buyer")
        self.names[str(owner.id)] = name
        made = make_entitlement(
            self.scene.instrument, owner, self.agent.provider.organisation, 100_000, price=price
        )
        return Scene(self.scene.model, self.scene.instrument, owner, self.scene.agents, [made])

    def serve(self, count: int) -> str:
        """Run so many jobs, one after the other; return whose they were."""
        order = []
        for _ in range(count):
            jobs_reconcile(now=self.now)
            (lease,) = self.agent.claim(now=self.now)
            job = Lease.objects.get(state=Lease.State.CLAIMED, provider=self.agent.provider).job
            order.append(self.names[str(job.organisation_id)])
            self.agent.deliver(lease, [1, EOS], now=self.now)
        return "".join(order)


def test_a_buyer_with_many_jobs_delays_another_s_first_by_one_turn_at_most(make: Make) -> None:
    queue = Queue(make())
    many, few, late = (queue.buyer(name) for name in "abc")
    for _ in range(20):
        many.create(now=queue.now)
    assert queue.serve(3) == "aaa"
    jobs_reconcile(now=queue.now)  # the fourth has the slot
    for _ in range(3):
        few.create(now=queue.now)
    assert queue.serve(7) == "abababa"
    late.create(now=queue.now)
    assert "c" in queue.serve(2)


def test_who_paid_twice_as_much_gets_two_turns_for_one(make: Make) -> None:
    queue = Queue(make())
    plain, dear = queue.buyer("p", price=2_000), queue.buyer("d", price=4_000)
    for _ in range(9):
        plain.create(now=queue.now)
        dear.create(now=queue.now)
    assert queue.serve(9).count("d") == 6


def test_a_new_job_is_leased_in_its_own_transaction_where_a_slot_is_free(scene: Scene) -> None:
    now = utc_now()
    ProviderModel.objects.filter(provider=scene.agents[0].provider).update(slots=1)
    for expected, waits in ((Job.State.LEASED, False), (Job.State.QUEUED, True)):
        job = job_create(quote=scene.quote(), sampling=Sampling(), now=now, at_once=True)
        assert (job.state, Job.objects.get(id=job.id).state) == (expected, expected)
        # Whoever has a lease is not sent for: the worker would only be in the way of the claim.
        sent_for = OutboxMessage.objects.filter(topic="job.dispatch", payload={"job_id": str(job.id)})
        assert sent_for.exists() is waits
    assert len(scene.agents[0].claim(now=now)) == 1
