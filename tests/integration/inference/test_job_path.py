"""A job from its quote to its receipt, with a scripted agent; every figure exact."""

from datetime import timedelta

from billing.models import Hold, UsageReceipt
from core.clock import rfc3339, utc_now
from core.data_keys import unseal_token_ids
from core.exchange_key import exchange_key
from core.ids import parse_public_id, public_id
from cux.wire.card import ComputeCard
from cux.wire.signing import key_id
from cux.wire.verification import verify_chain, verify_receipt
from inference.models import Checkpoint, Job, Lease
from inference.selectors.jobs import job_get, job_list, receipt_get
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.inference.books import Books, books
from tests.integration.inference.scene import EOS, Scene

# By hand from SmolLM2's shape, 5 prompt tokens: F_prefill = 1,120,034,304; 2 more tokens decode
# 538,818,048 FLOPs, at weight 16: ⌈1.120 + 8.621⌉; the 19 of the quote: ⌈1.120 + 82.082⌉.
QUOTE_UCU = 84
USED_UCU = 10


def settle_one(scene: Scene, ids: list[int], *, agent: int = 0) -> Job:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[agent].claim(now=now)
    assert scene.agents[agent].deliver(lease, ids, now=now).status == "accepted"
    return job_settle(job_id=job.id, now=now)


def test_a_job_is_quoted_reserved_leased_delivered_settled_and_receipted(scene: Scene) -> None:
    now = utc_now()
    quote = scene.quote()
    assert (len(quote.prompt_token_ids), quote.max_tokens, quote.quote_ucu) == (5, 20, QUOTE_UCU)

    job = scene.create(now=now)
    (entitlement,) = scene.entitlements
    assert books(entitlement) == Books(10_000, QUOTE_UCU, 20_000_000, 0, 0)
    assert job_get(organisation_id=scene.buyer.id, job_id=job.id).status == "queued"

    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    assert scene.agents[0].claim(now=now) == []
    assert lease.prompt_token_ids == list(quote.prompt_token_ids)
    assert (lease.epoch, lease.max_tokens, lease.card_hash) == (1, 20, scene.model.card_hash)
    assert parse_public_id("job", lease.job_id) == job.id
    assert job_get(organisation_id=scene.buyer.id, job_id=job.id).status == "running"

    result = scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    assert (result.status, result.output_tokens) == ("accepted", 3)
    assert books(entitlement) == Books(10_000, QUOTE_UCU, 20_000_000, 0, 0)

    job_settle(job_id=job.id, now=now)
    paid = 2_000 * USED_UCU
    assert books(entitlement) == Books(10_000 - USED_UCU, 0, 20_000_000 - paid, paid - paid // 10, paid // 10)
    view = job_get(organisation_id=scene.buyer.id, job_id=job.id)
    assert (view.status, view.compute_ucu, view.charged_nano_usd) == ("settled", USED_UCU, 2_020 * USED_UCU)
    assert (view.prompt_tokens, view.output_tokens, view.finish_reason) == (5, 3, "stop")
    assert view.settled_at == rfc3339(now)
    assert [each.job_id for each in job_list(organisation_id=scene.buyer.id)] == [view.job_id]


def test_usage_accrues_with_every_checkpoint_and_is_posted_once(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].begin(lease, [1], now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    settled = job_settle(job_id=job.id, now=now)
    receipts = UsageReceipt.objects.filter(lease_id=job.leases.get().id).order_by("sequence")
    assert [(row.sequence, row.organisation_id) for row in receipts] == [
        (1, scene.buyer.id),
        (3, scene.buyer.id),
    ]
    assert 0 < receipts[0].compute_ucu < receipts[1].compute_ucu == settled.compute_ucu == USED_UCU


def test_prompt_and_answer_are_sealed_and_gone_after_settlement(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now, text="secret")
    job.refresh_from_db()
    assert b"secret" not in bytes(job.prompt)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].begin(lease, [1, 2], now=now)
    checkpoint = Checkpoint.objects.get(lease__job=job)
    opened = unseal_token_ids(
        organisation_id=scene.buyer.id,
        context=f"answer:{checkpoint.lease_id}",
        sealed=bytes(checkpoint.token_ids),
    )
    assert opened == [1, 2]
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    job.refresh_from_db()
    checkpoint.refresh_from_db()
    assert (job.prompt, checkpoint.token_ids, checkpoint.output_tokens) == (None, None, 3)


def test_receipts_verify_with_public_keys_alone_and_chain_per_provider(scene: Scene) -> None:
    jobs = [settle_one(scene, ids) for ids in ([1, EOS], [1, 2, EOS], [7])]
    documents = [receipt_get(organisation_id=scene.buyer.id, job_id=job.id) for job in jobs]
    exchange_keys = {exchange_key().key_id: exchange_key().public}
    public = scene.agents[0].key.public
    provider_keys = {key_id(public): public}
    chain = verify_chain(documents, exchange_keys=exchange_keys, provider_keys=provider_keys)
    assert [each.body.provider_seq for each in chain] == [1, 2, 3]
    verified = verify_receipt(
        documents[1],
        exchange_keys=exchange_keys,
        provider_keys=provider_keys,
        card=ComputeCard.from_payload(scene.model.card),
    )
    assert verified.compute_checked
    body = verified.body
    assert (body.compute_ucu, body.quote_ucu, body.charged_nano_usd) == (
        USED_UCU,
        QUOTE_UCU,
        2_020 * USED_UCU,
    )
    assert body.statement.provider_id == public_id("provider", scene.agents[0].provider.id)
    assert [(each.epoch, each.outcome) for each in body.attempts] == [(1, "finished")]


def test_nothing_of_a_job_is_left_open(scene: Scene) -> None:
    job = settle_one(scene, [1, EOS])
    assert not job.reservations.filter(active=True).exists()
    assert not Hold.objects.filter(id__in=job.reservations.values("id"), ended_at__isnull=True).exists()
    assert not Lease.objects.filter(job=job, state__in=Lease.LIVE).exists()


def test_the_lease_must_begin_within_twice_its_measured_time(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    lease = job_dispatch(job_id=job.id, now=now)
    assert lease is not None
    # 84 µCU at an eighth of 1,000 µCU/s is 1 s rounded up: 5 s to claim, 10 s margin, twice 1 s.
    assert lease.deadline == now + timedelta(seconds=17)
    assert job_dispatch(job_id=job.id, now=now) is None


def test_a_job_of_all_its_tokens_costs_its_quote(scene: Scene) -> None:
    job = settle_one(scene, list(range(20)))
    assert job.compute_ucu == job.quote_ucu == QUOTE_UCU
