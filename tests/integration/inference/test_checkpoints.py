"""Checkpoints of many leases in one transaction are those of each alone."""

import threading
from datetime import timedelta

from django.db import connections, transaction

from billing.models import UsageReceipt
from core.clock import utc_now
from inference.locks import job_lock
from inference.models import Checkpoint, Job, Lease
from inference.selectors.answers import answer_ids
from inference.services.job_dispatch import job_dispatch
from inference.services.relay_checkpoint import Counted, relay_checkpoint, relay_checkpoints
from tests.integration.inference.scene import Scene, lease_uuid


def streaming(scene: Scene, count: int) -> list[Lease]:
    now = utc_now()
    for _ in range(count):
        job_dispatch(job_id=scene.create(now=now).id, now=now)
    leases = scene.agents[0].claim(now=now)
    for lease in leases:
        scene.agents[0].open(lease, now=now)
    return [Lease.objects.get(id=lease_uuid(lease)) for lease in leases]


def kept(lease: Lease) -> tuple[int, list[int], list[tuple[int, int]]]:
    """Return the lease's count, its ids, and the usage recorded of it."""
    lease.refresh_from_db()
    usage = UsageReceipt.objects.filter(lease_id=lease.id).order_by("sequence")
    return (
        lease.output_tokens,
        answer_ids(lease.job, lease),
        list(usage.values_list("sequence", "compute_ucu")),
    )


def test_many_are_written_as_one_is(scene: Scene) -> None:
    alone, *together = streaming(scene, 3)
    for ids in ([7], [7, 8, 9]):
        assert relay_checkpoint(lease_id=alone.id, ids=ids, now=utc_now())
        assert relay_checkpoints(counts={each.id: Counted(ids) for each in together}, now=utc_now()) == set()
    assert kept(alone)[:2] == (3, [7, 8, 9])
    assert [kept(each) for each in together] == [kept(alone)] * 2


def test_the_first_checkpoint_with_a_token_says_when_that_came(scene: Scene) -> None:
    (lease,) = streaming(scene, 1)
    now = utc_now()
    for ids, after_s, first in (([], 1, None), ([7], 2, 2), ([7, 8], 3, 2)):
        relay_checkpoints(counts={lease.id: Counted(ids)}, now=now + timedelta(seconds=after_s))
        lease.refresh_from_db()
        assert lease.first_token_at == (first and now + timedelta(seconds=first))


def test_a_lease_that_is_over_is_told_and_nothing_of_it_written(scene: Scene) -> None:
    over, live = streaming(scene, 2)
    Job.objects.filter(id=over.job_id).update(epoch=2)
    assert relay_checkpoints(counts={over.id: Counted([1]), live.id: Counted([2])}, now=utc_now()) == {
        over.id
    }
    assert kept(over) == (0, [], [])
    assert not Checkpoint.objects.filter(lease=over).exists()
    assert kept(live)[:2] == (1, [2])


def test_a_job_that_somebody_is_at_is_left_for_the_next_time(scene: Scene) -> None:
    held, free = streaming(scene, 2)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                job_lock(held.job_id)
                locked.set()
                assert done.wait(10)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(10)
        assert (
            relay_checkpoints(counts={held.id: Counted([1]), free.id: Counted([2])}, now=utc_now()) == set()
        )
    finally:
        done.set()
        holder.join()
    assert (kept(held)[0], kept(free)[0]) == (0, 1)
    assert relay_checkpoints(counts={held.id: Counted([1])}, now=utc_now()) == set()
    assert kept(held)[0] == 1
