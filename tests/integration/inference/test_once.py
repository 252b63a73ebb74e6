"""Whatever broker, worker or agent do: a job settles once, and work goes on without the broker."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections, transaction
from structlog.testing import capture_logs

from billing.models import Entry
from core import hints
from core.clock import utc_now
from core.models import OutboxMessage
from core.outbox import outbox_drain
from cux.wire.agent import Lease as LeaseMessage
from inference.models import CatalogueModel, Job, Lease, Provider, Receipt
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.jobs_reconcile import jobs_reconcile
from inference.tasks import OUTBOX_HANDLERS
from tests.integration.inference.books import Books, books
from tests.integration.inference.scene import EOS, Scene
from tests.soak.deliveries import deliver


def delivered(scene: Scene) -> Job:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    return job


def at_once(count: int, call) -> list:
    """Run `call` in so many threads, each with connections of its own."""

    def one(_: int):
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_sixteen_settlements_at_once_settle_once(scene: Scene) -> None:
    job = delivered(scene)
    ended = at_once(16, lambda: job_settle(job_id=job.id, now=utc_now()))
    assert {(each.state, each.compute_ucu, each.charged_nano_usd) for each in ended} == {
        (Job.State.COMPLETED, 10, 20_200)
    }
    assert len({each.ended_at for each in ended}) == 1
    assert Entry.objects.filter(key=f"settle:{job.id}").count() == 1
    assert Receipt.objects.filter(job=job).count() == 1
    assert books(scene.entitlements[0]) == Books(9_990, 0, 20_000_000 - 20_000, 18_000, 2_000)


def test_ten_deliveries_of_each_message_settle_each_job_once(db: None, tmp_path) -> None:
    assert deliver(tmp_path, jobs=10, seed=0) == {"deliveries": 100, "jobs": 10, "settlements": 10}


def test_jobs_of_one_provider_settled_at_once_make_one_chain(scene: Scene) -> None:
    jobs = [delivered(scene) for _ in range(8)]
    waiting = iter(jobs)
    at_once(8, lambda: job_settle(job_id=next(waiting).id, now=utc_now()))
    receipts = list(Receipt.objects.filter(job__in=jobs).order_by("sequence"))
    assert [each.sequence for each in receipts] == list(range(1, 9))
    hashes = ["0" * 64, *(each.hash for each in receipts)]
    assert [each.previous_hash for each in receipts] == hashes[:-1]
    assert Provider.objects.get(id=scene.agents[0].provider.id).receipt_head == hashes[-1]


def test_a_lease_is_granted_and_claimed_once_however_many_try(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    granted = at_once(8, lambda: job_dispatch(job_id=job.id, now=now))
    assert sum(each is not None for each in granted) == 1
    claims: list[list[LeaseMessage]] = at_once(8, lambda: scene.agents[0].claim(now=now))
    assert sum(len(each) for each in claims) == 1
    assert Lease.objects.filter(job=job).count() == 1


def test_without_a_broker_a_job_is_created_at_once_and_dispatched_by_the_reconciler(
    scene: Scene, settings
) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    hints._producer.cache_clear()
    try:
        started = time.monotonic()
        job = scene.create(now=utc_now())
        assert time.monotonic() - started < 1
        jobs_reconcile(now=utc_now())
        assert Lease.objects.filter(job=job, state=Lease.State.GRANTED).count() == 1
        (lease,) = scene.agents[0].claim(now=utc_now())
        assert scene.agents[0].deliver(lease, [1, EOS], now=utc_now()).status == "accepted"
        jobs_reconcile(now=utc_now())
    finally:
        hints._producer.cache_clear()
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED


def test_the_outbox_alone_dispatches_and_settles(scene: Scene) -> None:
    job = scene.create(now=utc_now())
    mine = OutboxMessage.objects.filter(payload__job_id=str(job.id))
    outbox_drain(OUTBOX_HANDLERS, utc_now())
    (lease,) = scene.agents[0].claim(now=utc_now())
    scene.agents[0].deliver(lease, [1, EOS], now=utc_now())
    outbox_drain(OUTBOX_HANDLERS, utc_now())
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
    assert not mine.filter(sent_at__isnull=True).exists()


def test_a_job_that_cannot_be_settled_does_not_hold_up_the_next(
    make: Callable[..., Scene],
) -> None:
    broken, sound = make(), make()
    stuck, fine = delivered(broken), delivered(sound)
    CatalogueModel.objects.filter(name=broken.model.name).update(card={})
    with capture_logs() as lines:
        jobs_reconcile(now=utc_now())
    fine.refresh_from_db()
    stuck.refresh_from_db()
    assert (fine.state, stuck.state) == (Job.State.COMPLETED, Job.State.DELIVERED)
    assert "reconcile_failed" in [line["event"] for line in lines]

    CatalogueModel.objects.filter(name=broken.model.name).update(card=broken.model.card)
    jobs_reconcile(now=utc_now())
    stuck.refresh_from_db()
    assert stuck.state == Job.State.COMPLETED


def test_the_database_refuses_to_change_a_receipt_or_an_ended_job_or_to_lower_an_epoch(scene: Scene) -> None:
    job = delivered(scene)
    job_settle(job_id=job.id, now=utc_now())

    def refused(alias: str, statement: str) -> None:
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(using=alias),
            connections[alias].cursor() as cursor,
        ):
            cursor.execute(statement)

    for alias in ("default", "owner"):
        refused(alias, "DELETE FROM inference_receipt")
        refused(alias, "UPDATE inference_receipt SET sequence = sequence + 1")
        refused(alias, f"UPDATE inference_job SET state = 'refunded' WHERE id = '{job.id}'")
        refused(alias, f"UPDATE inference_job SET epoch = 0 WHERE id = '{job.id}'")
    refused("owner", "TRUNCATE inference_receipt")
    assert Receipt.objects.filter(job=job).count() == 1
