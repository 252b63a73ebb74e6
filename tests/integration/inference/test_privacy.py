"""Prompts and answers are kept as long as the class says, and can be forgotten for good."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from core.clock import utc_now
from core.data_keys import unseal_token_ids
from core.errors import Code, CuxError
from core.models import AuditRecord, DataKey
from core.sealing import SealError
from cux.wire.canonical import encode
from exchange.models import ComputeClass
from inference.locks import job_lock
from inference.models import Checkpoint, Job, Lease, Receipt
from inference.services.content_erase import content_expire, content_forget
from inference.services.job_cancel import job_cancel
from inference.services.job_create import Sampling, job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.inference.scene import EOS, Scene
from tests.races import race

ANSWER = [104, 105, EOS]
WORDS = ["Please stop."]


def kept_for(scene: Scene, retention: str) -> Scene:
    ComputeClass.objects.filter(code=scene.model.compute_class_id).update(retention=retention)
    return scene


def settled(scene: Scene) -> Job:
    now = utc_now()
    job = job_create(quote=scene.quote("my secret"), sampling=Sampling(stop=WORDS), now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    assert scene.agents[0].deliver(lease, ANSWER, now=now).status == "accepted"
    job_settle(job_id=job.id, now=now)
    return Job.objects.get(id=job.id)


def sealed(job: Job) -> tuple[bytes | None, bytes | None]:
    """Return prompt and answer as they are stored."""
    job.refresh_from_db()
    checkpoint = Checkpoint.objects.get(lease__job=job)
    prompt, answer = job.prompt, checkpoint.token_ids
    return (None if prompt is None else bytes(prompt)), (None if answer is None else bytes(answer))


@pytest.mark.parametrize(("retention", "kept"), [("24h", timedelta(hours=24)), ("30d", timedelta(days=30))])
def test_what_was_said_is_kept_as_long_as_the_class_says(
    scene: Scene, retention: str, kept: timedelta
) -> None:
    job = settled(kept_for(scene, retention))
    assert job.ended_at is not None
    content_expire(now=job.ended_at + kept - timedelta(seconds=1))
    prompt, answer = sealed(job)
    assert prompt is not None
    assert answer is not None
    lease = Lease.objects.get(job=job)
    who = scene.buyer.id
    assert unseal_token_ids(organisation_id=who, context=f"prompt:{job.id}", sealed=prompt) == scene.text_ids(
        "my secret"
    )
    assert unseal_token_ids(organisation_id=who, context=f"answer:{lease.id}", sealed=answer) == ANSWER
    assert job.sampling["stop"] == WORDS

    content_expire(now=job.ended_at + kept)
    assert sealed(job) == (None, None)
    assert job.sampling["stop"] == []
    assert job.sampling["temperature_milli"] == 1_000
    assert job.output_tokens == 3


def test_what_is_said_in_a_job_that_somebody_is_at_is_erased_by_the_next_run(scene: Scene) -> None:
    job = settled(kept_for(scene, "24h"))
    assert job.ended_at is not None
    due = job.ended_at + timedelta(hours=24)
    race(lambda: job_lock(job.id), lambda: content_expire(now=due))
    assert None not in sealed(job)
    content_expire(now=due)
    assert sealed(job) == (None, None)


def test_of_a_class_that_keeps_nothing_nothing_is_left_at_the_settlement(scene: Scene) -> None:
    job = settled(scene)
    assert sealed(job) == (None, None)
    assert job.sampling["stop"] == []


def test_after_a_word_of_the_owner_nothing_stored_can_be_read_again(scene: Scene) -> None:
    job = settled(kept_for(scene, "30d"))
    prompt, answer = sealed(job)
    assert prompt is not None
    assert answer is not None
    key = bytes(DataKey.objects.get(organisation_id=scene.buyer.id).wrapped)
    done = content_forget(organisation_id=scene.buyer.id, confirm=scene.buyer.name, now=utc_now())
    assert (done.jobs, sealed(job), job.sampling["stop"]) == (1, (None, None), [])
    assert not DataKey.objects.filter(organisation_id=scene.buyer.id).exists()
    said = AuditRecord.objects.get(action="content.forgotten", organisation_id=scene.buyer.id)
    assert said.detail == {"jobs": 1}

    copies = ((f"prompt:{job.id}", prompt), (f"answer:{Lease.objects.get(job=job).id}", answer))
    for context, copy in copies:  # as a backup would hold them
        with pytest.raises(SealError):
            unseal_token_ids(organisation_id=scene.buyer.id, context=context, sealed=copy)
    again = settled(scene)  # under a new key
    assert bytes(DataKey.objects.get(organisation_id=scene.buyer.id).wrapped) != key
    assert sealed(again)[0] is not None
    for context, copy in copies:
        with pytest.raises(SealError):
            unseal_token_ids(organisation_id=scene.buyer.id, context=context, sealed=copy)


def refused(code: Code, scene: Scene, confirm: str) -> None:
    with pytest.raises(CuxError) as found:
        content_forget(organisation_id=scene.buyer.id, confirm=confirm, now=utc_now())
    assert found.value.code is code


def test_nothing_is_forgotten_without_the_name_or_while_a_job_is_under_way(scene: Scene) -> None:
    done = settled(kept_for(scene, "30d"))
    before = sealed(done)
    refused(Code.CONFIRMATION_WRONG, scene, scene.buyer.name.lower())
    open_job = scene.create(now=utc_now())
    refused(Code.JOBS_UNDER_WAY, scene, scene.buyer.name)
    assert sealed(done) == before
    assert DataKey.objects.filter(organisation_id=scene.buyer.id).exists()
    assert not AuditRecord.objects.filter(action="content.forgotten", organisation_id=scene.buyer.id).exists()
    job_cancel(job_id=open_job.id, now=utc_now())
    assert content_forget(organisation_id=scene.buyer.id, confirm=scene.buyer.name, now=utc_now()).jobs == 1


def test_one_organisation_s_word_leaves_another_s_alone(make: Callable[..., Scene]) -> None:
    mine, theirs = kept_for(make(), "30d"), kept_for(make(), "30d")
    settled(mine)
    other = settled(theirs)
    before = sealed(other)
    content_forget(organisation_id=mine.buyer.id, confirm=mine.buyer.name, now=utc_now())
    assert sealed(other) == before
    assert before[0] is not None
    unseal_token_ids(organisation_id=theirs.buyer.id, context=f"prompt:{other.id}", sealed=before[0])


def test_a_receipt_holds_no_word_of_either_side(scene: Scene) -> None:
    job = settled(kept_for(scene, "30d"))
    document = bytes(Receipt.objects.get(job=job).document)
    for ids in (scene.text_ids("my secret"), ANSWER):
        assert encode(ids) not in document
    assert b"secret" not in document

    def lists(value: object) -> list[object]:
        if isinstance(value, dict):
            return [found for each in value.values() for found in lists(each)]
        return [value] if isinstance(value, list) else []

    (attempts,) = lists(msgspec.json.decode(document))
    assert [sorted(each) for each in attempts] == [
        ["epoch", "lease_id", "outcome", "output_tokens", "provider_id"]
    ]
