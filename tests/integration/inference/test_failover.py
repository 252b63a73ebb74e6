"""Providers that die within an answer: others continue it, and each is paid for what it did."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.models import Charge, Hold
from config.celery import PERIODS_S
from core.clock import utc_now
from core.errors import Code
from core.exchange_key import exchange_key
from cux.wire.card import ComputeCard
from cux.wire.metering import compute_ucu
from cux.wire.shares import shares_ucu
from cux.wire.signing import key_id
from cux.wire.verification import VerifiedReceipt, verify_receipt
from exchange.models import Cover
from inference.models import Checkpoint, Job, Lease, Provider, ServiceDay, Share
from inference.selectors.jobs import job_get, receipt_get
from inference.selectors.progress import job_progress
from inference.services.job_cancel import job_cancel
from inference.services.job_create import Sampling, job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.job_interrupt import job_interrupt
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.lease_fail import lease_fail
from inference.services.leases_expire import leases_expire
from inference.services.relay_checkpoint import relay_deliver
from tests.integration.inference.attempts import begin, claim, die, end
from tests.integration.inference.books import UNTOUCHED, Books, books
from tests.integration.inference.scene import (
    EOS,
    Agent,
    Scene,
    granted_to,
    lease_uuid,
    make_entitlement,
    smollm_card,
)

Make = Callable[..., Scene]
QUOTE_UCU = 84


def of(scene: Scene, agent: Agent) -> Books:
    return next(books(each) for each in scene.entitlements if each.provider_id == agent.organisation_id)


def shares(*tokens: int, prompt: int = 5) -> list[int]:
    return shares_ucu(smollm_card("any"), prompt_tokens=prompt, cached_tokens=0, output_tokens=tokens)


def paid(ucu: int) -> Books:
    """What is left of an untouched entitlement once `ucu` were drawn; a tenth is held back."""
    left = 10_000 - ucu
    return Books(left, 0, 2_000 * left, 1_800 * ucu, 200 * ucu)


def verified(scene: Scene, job: Job) -> VerifiedReceipt:
    public = [each.key.public for each in scene.agents]
    return verify_receipt(
        receipt_get(organisation_id=scene.buyer.id, job_id=job.id),
        exchange_keys={exchange_key().key_id: exchange_key().public},
        provider_keys={key_id(each): each for each in public},
        card=ComputeCard.from_payload(scene.model.card),
    )


def test_another_provider_continues_and_each_is_paid_for_its_own_work(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    first = die(scene, job, [10, 11, 12, 13, 14, 15], now=now)
    mine, rest = shares(6, 4)
    assert (mine, rest) == (24, 16)  # of 40, by hand: 6 steps decoded, less prefilling 11 tokens and not 5
    job.refresh_from_db()
    assert (job.state, of(scene, first).reserved_ucu) == (Job.State.QUEUED, mine)

    second, lease = end(scene, job, [16, 17, 18, EOS], now=now)
    assert second is not first
    assert (lease.prefix_token_ids, lease.max_tokens) == ([10, 11, 12, 13, 14, 15], 14)
    assert lease.prompt_token_ids == scene.text_ids("hello")
    job.refresh_from_db()
    assert (job.state, job.output_tokens, job.compute_ucu) == (Job.State.COMPLETED, 10, mine + rest)
    assert job.charged_nano_usd == 2_020 * (mine + rest)
    assert (of(scene, first), of(scene, second)) == (paid(mine), paid(rest))
    charge = Charge.objects.get(subject_id=job.id)
    assert (charge.output_tokens, charge.compute_ucu) == (10, mine + rest)

    body = verified(scene, job).body
    told = [(each.epoch, each.outcome, each.output_tokens, each.compute_ucu) for each in body.attempts]
    assert told == [(1, "failed", 6, mine), (2, "finished", 4, rest)]
    seen = job_get(organisation_id=scene.buyer.id, job_id=job.id).attempts
    assert [(each.outcome, each.reason, each.compute_ucu) for each in seen] == [
        ("failed", "engine_failed", mine),
        ("finished", "", rest),
    ]
    assert (body.statement.prefix_tokens, body.statement.output_tokens) == (6, 4)
    assert not Hold.objects.filter(ref=str(job.id), ended_at__isnull=True).exists()
    assert not Checkpoint.objects.filter(lease__job=job, token_ids__isnull=False).exists()


def test_the_bill_is_that_of_one_uninterrupted_answer_and_never_above_the_quote(make: Make) -> None:
    scene = make(providers=3)
    now = utc_now()
    job = scene.create(now=now)
    first = die(scene, job, list(range(7)), now=now)
    second = die(scene, job, list(range(5)), now=now)
    third, lease = end(scene, job, list(range(8)), now=now)
    assert (lease.epoch, lease.prefix_token_ids) == (3, [*range(7), *range(5)])
    job.refresh_from_db()
    assert job.compute_ucu == job.quote_ucu == QUOTE_UCU
    assert [of(scene, each) for each in (first, second, third)] == [paid(ucu) for ucu in shares(7, 5, 8)]
    assert [each.compute_ucu for each in verified(scene, job).body.attempts] == shares(7, 5, 8)


def test_who_continues_a_prompt_that_was_cached_elsewhere_is_paid_its_whole_work(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    first, second = scene.agents
    second.heartbeat(scene.model, now=now, draining=True)
    warm = scene.create(text="x" * 100, now=now)
    end(scene, warm, [EOS], now=now)
    warm.refresh_from_db()
    job = scene.create(text="x" * 100, now=now)
    assert (job.provider_id, job.cached_tokens) == (first.provider.id, 96)
    second.heartbeat(scene.model, now=now)
    assert die(scene, job, list(range(6)), now=now) is first
    assert end(scene, job, list(range(4)), now=now)[0] is second
    mine, rest = shares(6, 4, prompt=100)
    work = compute_ucu(smollm_card("any"), prompt_tokens=106, output_tokens=4)
    assert (mine, rest, work) == (25, 37, 37)
    assert (of(scene, first), of(scene, second)) == (paid(warm.compute_ucu + mine), paid(rest))
    job.refresh_from_db()
    assert (job.compute_ucu, job.cached_tokens) == (mine + rest, 0)
    body = verified(scene, job).body
    assert (body.cached_tokens, [each.compute_ucu for each in body.attempts]) == (0, [mine, rest])


def test_a_second_provider_that_delivers_nothing_is_paid_nothing(make: Make) -> None:
    scene = make(providers=3)
    now = utc_now()
    job = scene.create(now=now)
    first = die(scene, job, list(range(6)), now=now)
    second = die(scene, job, [], now=now)
    third, _ = end(scene, job, list(range(4)), now=now)
    assert [of(scene, each) for each in (first, second, third)] == [paid(ucu) for ucu in shares(6, 0, 4)]
    assert of(scene, second) == UNTOUCHED


def test_without_another_entitlement_the_rest_is_covered_and_the_answer_continued_on_it(make: Make) -> None:
    scene = make(providers=2, entitled=1)
    now = utc_now()
    job = scene.create(now=now)
    first = die(scene, job, list(range(6)), now=now)
    mine, rest = shares(6, 4)
    cover = Cover.objects.get(job_id=job.id)
    assert (cover.compute_ucu, cover.escrow_share_nano_usd) == (QUOTE_UCU - mine, 2_000 * (QUOTE_UCU - mine))
    other = scene.agents[1]
    bought = make_entitlement(scene.instrument, scene.buyer, other.provider.organisation, 100)
    Cover.objects.filter(id=cover.id).update(state=Cover.State.COVERED)
    second, lease = end(scene, job, list(range(4)), now=now)
    assert (second is other, lease.prefix_token_ids) == (True, list(range(6)))
    assert books(bought) == Books(100 - rest, 0, 2_000 * (100 - rest), 1_800 * rest, 200 * rest)
    left = 10_000 - QUOTE_UCU
    assert of(scene, first) == Books(left, 0, 2_000 * left, 1_800 * mine, 200 * mine)


def test_where_no_cover_can_be_bought_the_job_is_refunded_and_nobody_paid(make: Make) -> None:
    scene = make(quantity_ucu=100)
    now = utc_now()
    job = scene.create(now=now)
    die(scene, job, list(range(6)), now=now)
    Cover.objects.filter(job_id=job.id).update(state=Cover.State.RETURNED)
    job_dispatch(job_id=job.id, now=now)
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.REFUNDED, Code.JOB_FAILED.wire)
    (mine, _) = shares(6, 4)
    left = 100 - (QUOTE_UCU - mine)
    assert books(scene.entitlements[0]) == Books(left, 0, 2_000 * left, 0, 0)
    assert not Share.objects.filter(active=True, lease__job=job).exists()


@pytest.mark.parametrize("how", ["interrupted", "canceled", "late"])
def test_a_job_that_ends_between_two_providers_costs_nothing(make: Make, how: str) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    die(scene, job, list(range(6)), now=now)
    if how == "interrupted":
        job_interrupt(job_id=job.id, now=now)
    elif how == "canceled":
        job_cancel(job_id=job.id, now=now)
    else:
        jobs_reconcile(now=job.deadline)
    job.refresh_from_db()
    assert job.state == Job.State.REFUNDED
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]


@pytest.mark.parametrize("before", [0, 7], ids=["one provider", "two"])
def test_an_answer_all_of_which_came_is_not_given_to_another_provider(make: Make, before: int) -> None:
    scene = make(providers=3)
    now = utc_now()
    job = scene.create(now=now)
    if before:
        die(scene, job, list(range(before)), now=now)
    last = die(scene, job, list(range(20 - before)), now=now, reason="agent_restarted")
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.REFUNDED, Code.JOB_FAILED.wire)
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED] * 3
    assert Provider.objects.get(id=last.provider.id).faults == 1


@pytest.mark.parametrize("outcome", ["signature_invalid", "answer_changed", "went_on_after_stop"])
def test_an_answer_of_a_provider_that_did_wrong_is_not_continued(make: Make, outcome: str) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    die(scene, job, list(range(6)), now=now, reason=outcome)
    job.refresh_from_db()
    assert (job.state, job.failure) == (Job.State.REFUNDED, Code.JOB_FAILED.wire)
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]


def test_a_provider_that_goes_dark_within_the_answer_is_replaced_and_late_work_is_not_taken(
    make: Make,
) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    first, lease = begin(scene, job, [1, 2, 3], now=now)
    dark = now + timedelta(seconds=21)
    for each in scene.agents:
        if each is not first:
            each.heartbeat(scene.model, now=dark)
    leases_expire(now=dark)
    assert Lease.objects.get(job=job, epoch=1).outcome == "provider_dark"
    _, other = end(scene, job, [4, EOS], now=dark)
    assert first.deliver(lease, [1, 2, 3, 9, EOS], now=dark).status == "superseded"
    assert (other.prefix_token_ids, of(scene, first)) == ([1, 2, 3], paid(shares(3, 2)[0]))
    assert Provider.objects.get(id=first.provider.id).receipt_sequence == 0


def test_a_job_is_taken_from_a_dark_provider_and_its_compute_released_within_a_minute(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    first, _ = begin(scene, job, [1, 2, 3], now=now)
    silent_s = 0
    job.refresh_from_db()
    while job.state != Job.State.QUEUED:
        silent_s += round(PERIODS_S["inference.leases_expire"])
        later = now + timedelta(seconds=silent_s)
        next(each for each in scene.agents if each is not first).heartbeat(scene.model, now=later)
        leases_expire(now=later)
        job.refresh_from_db()
    assert 0 < silent_s <= 60
    assert of(scene, first) == Books(10_000, shares(3, 1)[0], 20_000_000, 0, 0)


def test_a_provider_whose_tokens_keep_coming_is_not_dark(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    agent, lease = claim(scene, job, now=now)
    agent.begin(lease, [1, 2, 3], now=now + timedelta(seconds=15))
    leases_expire(now=now + timedelta(seconds=30))
    assert granted_to(scene, job) is agent
    leases_expire(now=now + timedelta(seconds=36))
    assert Lease.objects.get(job=job, epoch=1).outcome == "provider_dark"


def test_an_answer_that_its_provider_aborts_of_its_own_is_continued(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    first, lease = claim(scene, job, now=now)
    first.open(lease, now=now)
    aborted = first.finished(lease, [1, 2, 3], "abort")
    relay_deliver(lease_id=lease_uuid(lease), ids=[1, 2, 3], finished=aborted, now=now)
    assert Lease.objects.get(job=job, epoch=1).outcome == "aborted"
    end(scene, job, [4, EOS], now=now)
    assert [each.output_tokens for each in verified(scene, job).body.attempts] == [3, 2]


def test_a_stop_sequence_over_the_seam_ends_the_second_provider_s_answer(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = job_create(quote=scene.quote(), sampling=Sampling(stop=["END"]), now=now)
    die(scene, job, scene.text_ids("helloEN"), now=now)
    _, lease = end(scene, job, scene.text_ids("END" + 16 * "!")[:3], now=now)
    assert lease.prefix_token_ids == scene.text_ids("hello")
    job.refresh_from_db()
    assert (job.state, job.output_tokens) == (Job.State.COMPLETED, 8)
    assert [each.output_tokens for each in verified(scene, job).body.attempts] == [5, 3]


@pytest.mark.parametrize(
    ("reason", "said_before", "faults"),
    [("draining", False, 1), ("draining", True, 0), ("invalid_request", True, 1), ("engine_failed", True, 1)],
)
def test_within_an_answer_only_who_was_known_to_drain_is_without_fault(
    make: Make, reason: str, said_before: bool, faults: int
) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    agent, lease = begin(scene, job, [1, 2, 3], now=now)
    agent.heartbeat(scene.model, now=now, running=[lease.lease_id], draining=said_before)
    lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason=reason, now=now)
    assert Provider.objects.get(id=agent.provider.id).faults == faults
    assert ServiceDay.objects.filter(provider=agent.provider, failed=1).count() == faults


def test_the_next_provider_draws_by_another_seed(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = job_create(quote=scene.quote(), sampling=Sampling(seed=7), now=now)
    die(scene, job, [1, 2, 3], now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = granted_to(scene, job).claim(now=now)
    assert lease.seed == 10


def test_the_whole_answer_is_read_from_what_each_lease_delivered(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    job = scene.create(now=now)
    die(scene, job, [1, 2, 3], now=now)
    agent, lease = claim(scene, job, now=now)
    agent.deliver(lease, [4, EOS], now=now)
    progress = job_progress(job.id)
    assert (progress.known_ids, progress.output_tokens) == ([1, 2, 3, 4, EOS], 5)
