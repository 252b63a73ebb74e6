"""A job that is told to stop: what was delivered until then is billed, and nothing else."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.clock import utc_now
from core.errors import Code
from core.ids import public_id
from cux.wire.agent import HeartbeatResponse
from cux.wire.metering import usage
from cux.wire.verification import parse_receipt
from inference.models import Job, Lease, Provider, ServiceDay
from inference.selectors.catalogue import card_of
from inference.selectors.jobs import receipt_get
from inference.services.job_cancel import job_cancel
from inference.services.job_create import job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.leases_expire import leases_expire
from inference.services.relay_checkpoint import relay_deliver
from inference.services.sampling import Sampling
from tests.integration.inference.books import UNTOUCHED, Books, books
from tests.integration.inference.scene import Scene, granted_to, lease_uuid

Make = Callable[..., Scene]

QUOTE_UCU = 84


def stopped(scene: Scene) -> HeartbeatResponse:
    (agent,) = scene.agents
    lease = Lease.objects.filter(provider=agent.provider).latest("granted_at")
    return agent.heartbeat(scene.model, now=utc_now(), running=[public_id("lease", lease.id)])


def test_a_canceled_job_is_billed_for_exactly_what_was_delivered_until_the_abort(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (agent,) = scene.agents
    (lease,) = agent.claim(now=now)
    agent.begin(lease, [1, 2], now=now)
    assert stopped(scene).leases_canceled == []
    job_cancel(job_id=job.id, now=now)
    job_cancel(job_id=job.id, now=now)
    assert stopped(scene).leases_canceled == [lease.lease_id]

    ids = [1, 2, 3]
    finished = agent.finished(lease, ids, "abort")
    result = relay_deliver(lease_id=lease_uuid(lease), ids=ids, finished=finished, now=now)
    assert (result.status, result.output_tokens) == ("accepted", 3)
    job = job_settle(job_id=job.id, now=now)
    used = usage(card_of(job.model), prompt_tokens=5, output_tokens=3).compute_ucu
    assert (job.state, job.finish_reason, job.compute_ucu) == (Job.State.COMPLETED, "abort", used)
    assert job.charged_nano_usd == 2_020 * used
    left = 10_000 - used
    assert books(scene.entitlements[0]) == Books(left, 0, 2_000 * left, 1_800 * used, 200 * used)
    body = parse_receipt(receipt_get(organisation_id=scene.buyer.id, job_id=job.id)).body
    assert (body.statement.finish_reason, body.statement.output_tokens) == ("abort", 3)
    job_cancel(job_id=job.id, now=now)
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED


@pytest.mark.parametrize("reached", ["queued", "leased", "claimed", "streaming"])
def test_a_job_canceled_before_its_first_token_is_refunded_and_moves_nowhere(
    make: Make, reached: str
) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    if reached != "queued":
        job_dispatch(job_id=job.id, now=now)
    leases = granted_to(scene, job).claim(now=now) if reached in {"claimed", "streaming"} else []
    agent = granted_to(scene, job) if leases else scene.agents[0]
    if reached == "streaming":
        agent.open(leases[0], now=now)
    job_cancel(job_id=job.id, now=now)
    for lease in leases:  # the agent, told so, aborts
        agent.open(lease, now=now)
        finished = agent.finished(lease, [], "abort")
        relay_deliver(lease_id=lease_uuid(lease), ids=[], finished=finished, now=now)
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.REFUNDED, Code.JOB_CANCELED.wire)
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]
    assert [each.claim(now=now) for each in scene.agents] == [[], []]
    assert not Provider.objects.filter(id__in=[each.provider.id for each in scene.agents], faults__gt=0)
    assert not ServiceDay.objects.filter(model=scene.model)
    assert not Lease.objects.filter(job=job, state__in=Lease.LIVE).exists()


def test_a_provider_that_goes_on_when_told_to_stop_is_not_paid(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (agent,) = scene.agents
    (lease,) = agent.claim(now=now)
    agent.begin(lease, [1, 2], now=now)
    job_cancel(job_id=job.id, now=now)
    for seconds, state in ((20, Job.State.STREAMING), (21, Job.State.REFUNDED)):
        later = now + timedelta(seconds=seconds)
        agent.heartbeat(scene.model, now=later, running=[lease.lease_id])
        leases_expire(now=later)
        job.refresh_from_db()
        assert job.state == state
    assert agent.deliver(lease, [1, 2, 3], now=later).status == "superseded"
    assert books(scene.entitlements[0]) == UNTOUCHED


@pytest.mark.parametrize(
    ("text", "state"),
    [("e.", "delivered"), ("e." + 16 * "!", "delivered"), ("e." + 17 * "!", "refunded")],
)
def test_an_answer_ends_with_its_stop_sequence_or_is_not_paid(scene: Scene, text: str, state: str) -> None:
    now = utc_now()
    job = job_create(quote=scene.quote(), sampling=Sampling(stop=["e."]), now=now)
    job_dispatch(job_id=job.id, now=now)
    (agent,) = scene.agents
    (lease,) = agent.claim(now=now)
    agent.begin(lease, scene.text_ids("e"), now=now)
    agent.deliver(lease, scene.text_ids(text), now=now)
    job.refresh_from_db()
    assert job.state == state
    if state == "refunded":
        assert Lease.objects.get(job=job).outcome == "went_on_after_stop"
        assert books(scene.entitlements[0]) == UNTOUCHED
