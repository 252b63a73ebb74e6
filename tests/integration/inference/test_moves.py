"""What becomes of a job whose provider does not deliver, and of leases that are not the newest."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import public_id
from core.models import OutboxMessage
from cux.wire.metering import usage
from exchange.models import Cover
from inference.models import Job, Lease, Provider, Receipt, ServiceDay
from inference.selectors.catalogue import card_of
from inference.selectors.jobs import job_get, receipt_get
from inference.selectors.stops import leases_to_stop
from inference.services.job_dispatch import job_dispatch
from inference.services.job_interrupt import job_interrupt
from inference.services.job_settle import job_settle
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.lease_fail import lease_fail
from inference.services.leases_expire import leases_expire
from inference.services.relay_checkpoint import relay_checkpoint, relay_deliver
from inference.services.relay_open import relay_open
from tests.integration.inference.attempts import claim
from tests.integration.inference.books import UNTOUCHED, Books, books
from tests.integration.inference.scene import EOS, Agent, Scene, granted_to, lease_uuid, make_entitlement

Make = Callable[..., Scene]
QUOTE_UCU = 84


def entitlement_of(scene: Scene, agent: Agent) -> Books:
    return next(books(each) for each in scene.entitlements if each.provider_id == agent.organisation_id)


def test_an_unclaimed_lease_moves_to_the_other_provider(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    first = granted_to(scene, job)

    leases_expire(now=now + timedelta(seconds=4, milliseconds=999))
    assert granted_to(scene, job) is first
    late = now + timedelta(seconds=5)
    leases_expire(now=late)
    assert entitlement_of(scene, first) == UNTOUCHED
    job.refresh_from_db()
    assert (job.state, job.epoch) == (Job.State.QUEUED, 1)

    job_dispatch(job_id=job.id, now=late)
    second = granted_to(scene, job)
    assert second is not first
    assert entitlement_of(scene, second) == Books(10_000, QUOTE_UCU, 20_000_000, 0, 0)
    (lease,) = second.claim(now=late)
    assert lease.epoch == 2
    second.deliver(lease, [1, EOS], now=late)
    assert job_settle(job_id=job.id, now=late).state == Job.State.COMPLETED
    assert entitlement_of(scene, first) == UNTOUCHED
    assert Lease.objects.get(job=job, epoch=1).outcome == "unclaimed"


def test_a_provider_that_goes_dark_before_the_first_token_loses_the_job(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    first = granted_to(scene, job)
    first.claim(now=now)
    dark = now + timedelta(seconds=14)
    Provider.objects.filter(id=first.provider.id).update(last_heartbeat_at=now - timedelta(seconds=7))
    for other in scene.agents:
        if other is not first:
            other.heartbeat(scene.model, now=dark)
    leases_expire(now=dark)
    assert Lease.objects.get(job=job, epoch=1).outcome == "provider_dark"
    job_dispatch(job_id=job.id, now=dark)
    assert granted_to(scene, job) is not first


def test_without_another_entitlement_the_job_waits_for_cover_and_runs_on_it(make: Make) -> None:
    scene = make(providers=2, entitled=1)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    late = now + timedelta(seconds=5)
    leases_expire(now=late)
    cover = Cover.objects.get(job_id=job.id)
    assert (cover.compute_ucu, cover.escrow_share_nano_usd) == (QUOTE_UCU, 2_000 * QUOTE_UCU)
    left = 10_000 - QUOTE_UCU
    assert books(scene.entitlements[0]) == Books(left, 0, 2_000 * left, 0, 0)
    jobs_reconcile(now=late)
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.QUEUED, "")

    # What the cover buys is the buyer's entitlement on the other provider.
    other = scene.agents[1]
    bought = make_entitlement(scene.instrument, scene.buyer, other.provider.organisation, 100)
    Cover.objects.filter(id=cover.id).update(state=Cover.State.COVERED)
    jobs_reconcile(now=late)
    # The first has enough left, is ready and quicker at hand, but let this job down.
    (lease,) = other.claim(now=late)
    assert (lease.epoch, books(bought).reserved_ucu) == (2, QUOTE_UCU)


def test_a_job_whose_cover_brought_nothing_is_refunded(make: Make) -> None:
    scene = make(quantity_ucu=100)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    leases_expire(now=now + timedelta(seconds=5))
    Cover.objects.filter(job_id=job.id).update(state=Cover.State.RETURNED)
    job_dispatch(job_id=job.id, now=now)
    job.refresh_from_db()
    assert (job.state, job.failure, job.prompt) == (Job.State.REFUNDED, Code.JOB_FAILED.wire, None)
    with pytest.raises(CuxError) as refusal:
        receipt_get(organisation_id=scene.buyer.id, job_id=job.id)
    assert refusal.value.code is Code.NOT_FOUND
    assert job_get(organisation_id=scene.buyer.id, job_id=job.id).charged_nano_usd is None


def test_a_stream_that_breaks_where_it_cannot_be_continued_is_refunded_in_full(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    Job.objects.filter(id=job.id).update(sampling=job.sampling | {"resumable": False})
    agent, lease = claim(scene, job, now=now)
    agent.begin(lease, [1, 2], now=now)
    lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason="engine_failed", now=now)
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == (Job.State.REFUNDED, 0)
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]
    assert not OutboxMessage.objects.filter(topic="job.settle", payload__job_id=str(job.id)).exists()


def test_the_upload_of_an_old_epoch_is_superseded_and_moves_nothing(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    first = granted_to(scene, job)
    (old,) = first.claim(now=now)
    opened = first.open(old, now=now)
    lease_fail(lease_id=lease_uuid(old), provider_id=first.provider.id, reason="engine_failed", now=now)
    job_dispatch(job_id=job.id, now=now)
    second = granted_to(scene, job)
    (new,) = second.claim(now=now)

    assert opened is not None
    assert first.deliver(old, [1, 2, EOS], now=now).status == "superseded"
    assert not relay_checkpoint(lease_id=lease_uuid(old), ids=[1], now=now)
    job.refresh_from_db()
    assert (job.state, job.epoch, job.output_tokens) == (Job.State.CLAIMED, 2, 0)
    assert entitlement_of(scene, first) == UNTOUCHED

    second.deliver(new, [1, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    assert first.deliver(old, [1, 2, EOS], now=now).status == "superseded"
    assert Receipt.objects.get(job=job).provider_id == second.provider.id


def test_a_delivered_lease_answers_duplicate_and_changes_nothing(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, EOS], now=now)
    again = scene.agents[0].deliver(lease, [1, 2, 3, EOS], now=now)
    assert (again.status, again.output_tokens) == ("duplicate", 2)
    assert job_settle(job_id=job.id, now=now).output_tokens == 2


def test_a_late_answer_counts_as_long_as_its_lease_lives(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    late = now + timedelta(minutes=2)
    assert scene.agents[0].deliver(lease, [1, EOS], now=late).status == "accepted"
    leases_expire(now=late)
    assert job_settle(job_id=job.id, now=late).state == Job.State.COMPLETED


def test_a_relay_that_restarts_takes_the_upload_again_under_the_same_lease(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].begin(lease, [1, 2], now=now)
    opened = scene.agents[0].open(lease, now=now)
    assert opened.known_ids == [1, 2]
    assert scene.agents[0].deliver(lease, [1, 2, EOS], now=now).status == "accepted"
    assert job_settle(job_id=job.id, now=now).state == Job.State.COMPLETED


def test_an_answer_that_the_provider_did_not_sign_as_counted_is_refunded(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    agent = scene.agents[0]
    (lease,) = agent.claim(now=now)
    agent.open(lease, now=now)
    finished = agent.finished(lease, [1, 2, 3])
    relay_deliver(lease_id=lease_uuid(lease), ids=[1, 2, EOS], finished=finished, now=now)
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == (Job.State.REFUNDED, 0)
    assert books(scene.entitlements[0]) == UNTOUCHED


def test_an_answer_without_a_token_is_no_delivery(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    agent, lease = claim(scene, job, now=now)
    agent.deliver(lease, [], now=now)
    job.refresh_from_db()
    assert (job.state, Lease.objects.get(job=job).outcome) == (Job.State.QUEUED, "no_tokens")
    assert entitlement_of(scene, agent) == UNTOUCHED


def test_another_lease_s_token_opens_nothing(scene: Scene) -> None:
    now = utc_now()
    jobs = [scene.create(now=now) for _ in range(2)]
    for job in jobs:
        job_dispatch(job_id=job.id, now=now)
    one, other = scene.agents[0].claim(now=now)
    with pytest.raises(CuxError) as refusal:
        relay_open(lease_id=lease_uuid(one), token=other.relay_token, now=now)
    assert refusal.value.code is Code.NOT_FOUND
    assert Lease.objects.get(id=lease_uuid(one)).state == Lease.State.CLAIMED


def test_a_lease_the_agent_no_longer_knows_of_moves_the_job(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    agent, lease = claim(scene, job, now=now)
    agent.heartbeat(scene.model, now=now + timedelta(seconds=5))
    assert granted_to(scene, job) is agent
    agent.heartbeat(scene.model, now=now + timedelta(seconds=6), running=[lease.lease_id])
    assert granted_to(scene, job) is agent
    agent.heartbeat(scene.model, now=now + timedelta(seconds=7))
    assert Lease.objects.get(job=job).outcome == "lost_by_agent"
    answer = agent.heartbeat(scene.model, now=now + timedelta(seconds=8), running=[lease.lease_id])
    assert answer.leases_canceled == [lease.lease_id]


def test_a_provider_cannot_fail_another_one_s_lease(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    lease = job_dispatch(job_id=job.id, now=now)
    owner = granted_to(scene, job)
    (other,) = [each for each in scene.agents if each is not owner]
    with pytest.raises(CuxError) as refusal:
        lease_fail(lease_id=lease.id, provider_id=other.provider.id, reason="draining", now=now)
    assert refusal.value.code is Code.NOT_FOUND
    assert granted_to(scene, job) is owner


def test_a_queued_job_past_its_deadline_is_refunded(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    jobs_reconcile(now=job.deadline)
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.REFUNDED, Code.JOB_TIMED_OUT.wire)
    assert books(scene.entitlements[0]) == UNTOUCHED
    assert job_dispatch(job_id=job.id, now=now) is None


def test_a_stream_may_use_the_job_s_whole_time_and_no_more(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    agent = scene.agents[0]
    (lease,) = agent.claim(now=now)
    agent.begin(lease, [1], now=now)
    almost = job.deadline - timedelta(microseconds=1)
    agent.heartbeat(scene.model, now=almost, running=[lease.lease_id])
    leases_expire(now=almost)
    assert granted_to(scene, job) is agent
    leases_expire(now=job.deadline)
    assert leases_to_stop(provider_id=agent.provider.id, now=job.deadline) == [lease_uuid(lease)]
    job.refresh_from_db()
    assert (job.state, job.caller_has_left) == (Job.State.STREAMING, False)


def test_what_came_until_the_deadline_is_an_answer_and_no_fault(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (agent,) = scene.agents
    (lease,) = agent.claim(now=now)
    ids = list(range(10, 29))
    agent.begin(lease, ids, now=now)
    told = job.deadline + timedelta(seconds=1)
    agent.heartbeat(scene.model, now=told, running=[lease.lease_id])
    leases_expire(now=told)
    finished = agent.finished(lease, ids, "abort")
    result = relay_deliver(lease_id=lease_uuid(lease), ids=ids, finished=finished, now=told)
    assert (result.status, result.output_tokens) == ("accepted", 19)
    job = job_settle(job_id=job.id, now=told)
    used = usage(card_of(job.model), prompt_tokens=5, output_tokens=19).compute_ucu
    assert (job.state, job.finish_reason, job.compute_ucu) == (Job.State.COMPLETED, "abort", used)
    left = 10_000 - used
    assert books(scene.entitlements[0]) == Books(left, 0, 2_000 * left, 1_800 * used, 200 * used)
    assert Provider.objects.get(id=agent.provider.id).faults == 0
    assert not ServiceDay.objects.filter(model=scene.model, failed__gt=0)


def test_who_does_not_stop_at_the_deadline_is_not_paid_and_at_fault(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (agent,) = scene.agents
    (lease,) = agent.claim(now=now)
    agent.begin(lease, [1, 2], now=now)
    for seconds, state in ((0, Job.State.STREAMING), (20, Job.State.STREAMING), (21, Job.State.REFUNDED)):
        later = job.deadline + timedelta(seconds=seconds)
        agent.heartbeat(scene.model, now=later, running=[lease.lease_id])
        leases_expire(now=later)
        assert Job.objects.get(id=job.id).state == state
    assert Job.objects.get(id=job.id).failure == Code.JOB_TIMED_OUT.wire
    assert agent.deliver(lease, [1, 2, 3], now=later).status == "superseded"
    assert books(scene.entitlements[0]) == UNTOUCHED
    assert Provider.objects.get(id=agent.provider.id).faults == 1


def test_an_interrupted_job_is_refunded_once_and_a_settled_one_stays(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_interrupt(job_id=job.id, now=now)
    job_interrupt(job_id=job.id, now=now)
    job.refresh_from_db()
    assert (job.state, books(scene.entitlements[0])) == (Job.State.REFUNDED, UNTOUCHED)

    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1], now=now)
    job_settle(job_id=job.id, now=now)
    job_interrupt(job_id=job.id, now=now)
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
    assert public_id("job", job.id) == lease.job_id


def test_a_job_whose_cover_came_from_two_providers_is_refunded_and_its_buyer_keeps_both(make: Make) -> None:
    scene = make(providers=3, entitled=1)
    now = utc_now()
    job = scene.create(now=now, max_tokens=40)
    assert 100 < job.quote_ucu <= 200
    job_dispatch(job_id=job.id, now=now)
    leases_expire(now=now + timedelta(seconds=5))
    sellers = [each.provider.organisation for each in scene.agents[1:]]
    bought = [make_entitlement(scene.instrument, scene.buyer, each, 100) for each in sellers]
    Cover.objects.filter(job_id=job.id).update(state=Cover.State.COVERED)
    jobs_reconcile(now=now + timedelta(seconds=6))
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == (Job.State.REFUNDED, 0)
    half = Books(100, 0, 200_000, 0, 0)
    assert [books(each) for each in bought] == [half, half]


def test_at_the_draw_limit_of_the_only_other_provider_a_moved_job_waits(make: Make) -> None:
    # Jobs may reserve 4 * 10,000 * 300 / 86,400 = 138 µCU at once.
    scene = make(providers=2, window_s=86_400)
    now = utc_now()
    job, other = (scene.create(now=now) for _ in range(2))
    for each in (job, other):
        job_dispatch(job_id=each.id, now=now)
    first, second = granted_to(scene, job), granted_to(scene, other)
    assert first is not second
    second.claim(now=now)
    late = now + timedelta(seconds=5)
    leases_expire(now=late)
    jobs_reconcile(now=late)
    job.refresh_from_db()
    assert (job.state, job.failure, Cover.objects.filter(job_id=job.id).exists()) == ("queued", "", False)
    assert entitlement_of(scene, first) == UNTOUCHED

    job_interrupt(job_id=other.id, now=late)
    jobs_reconcile(now=late)
    assert granted_to(scene, job) is second
