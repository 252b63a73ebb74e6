"""How likely tokens were: kept with the answer, continued, trimmed and erased with it."""

from collections.abc import Callable

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from cux.wire import agent as wire
from exchange.models import ComputeClass
from inference.likelihoods import Likelihood, read_rows
from inference.models import Checkpoint, Job, Lease
from inference.selectors.progress import job_progress
from inference.services.audit_sample import PLAIN
from inference.services.content_erase import content_erase, content_forget
from inference.services.job_create import job_create
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from inference.services.relay_checkpoint import Counted, relay_checkpoints
from inference.services.sampling import Sampling
from tests.integration.inference.attempts import claim
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.relay_scene import Caller, Upload, run, tokens
from tests.integration.inference.scene import EOS, Scene, lease_uuid

Make = Callable[..., Scene]
TOP = Sampling(logprobs=True, top_logprobs=1)


def asked(scene: Scene, sampling: Sampling = TOP) -> Job:
    """Return a job that asks for its likelihoods."""
    return job_create(quote=scene.quote(), sampling=sampling, now=utc_now())


def rows(*ids: int) -> list[int]:
    """Return rows of these tokens, with one likeliest each, as the tests tell them."""
    return [number for token in ids for number in (token * 10, token + 1, token)]


def told(*ids: int) -> tuple[Likelihood, ...]:
    return tuple(Likelihood(token, token * 10, ((token + 1, token),)) for token in ids)


def answer_told(job: Job) -> tuple[Likelihood, ...]:
    """Return what is kept of the job's answer, as the gateway reads it."""
    progress = job_progress(job.id)
    return tuple(read_rows(progress.known_ids, progress.known_rows, width=progress.row_width))


def test_a_lease_says_what_its_job_asks(make: Make) -> None:
    scene = make()
    _, lease = claim(scene, asked(scene), now=utc_now())
    assert (lease.logprobs, lease.top_logprobs) == (True, 1)
    _, lease = claim(scene, scene.create(now=utc_now()), now=utc_now())
    assert (lease.logprobs, lease.top_logprobs) == (False, 0)


def test_they_are_kept_with_the_answer_and_go_on_where_another_provider_does(make: Make) -> None:
    scene = make(providers=2)
    ComputeClass.objects.filter(code=scene.model.compute_class_id).update(retention="24h")
    now = utc_now()
    job = asked(scene)
    first, lease = claim(scene, job, now=now)
    text = [*scene.text_ids("h"), *scene.text_ids("é")]
    first.begin(lease, text[:2], rows=rows(*text[:2]), now=now)
    lease_fail(lease_id=lease_uuid(lease), provider_id=first.provider.id, reason="engine_failed", now=now)
    assert job_progress(job.id).known_rows == []
    second, lease = claim(scene, job, now=now)
    opened = second.open(lease, now=now)
    assert not isinstance(opened, wire.UploadResult)
    kept = lease.prefix_token_ids
    assert (opened.row_width, opened.rows) == (3, rows(*kept)), "trimmed with the ids that are not continued"
    rest = [*text[len(kept) :], EOS]
    assert second.deliver(lease, rest, rows=rows(*rest), now=now).status == "accepted"
    assert answer_told(job) == told(*kept, *rest)
    progress = job_progress(job.id)
    assert (progress.row_width, progress.known_rows) == (3, rows(*kept, *rest))
    job_settle(job_id=job.id, now=now)
    assert answer_told(job) == told(*kept, *rest), "as long as its class keeps the answer"


def test_a_class_that_keeps_nothing_erases_them_at_settlement(make: Make) -> None:
    scene = make()
    now = utc_now()
    job = asked(scene)
    agent, lease = claim(scene, job, now=now)
    agent.deliver(lease, [7, EOS], rows=rows(7, EOS), now=now)
    assert answer_told(job) == told(7, EOS)
    job_settle(job_id=job.id, now=now)
    assert answer_told(job) == ()
    assert Checkpoint.objects.get(lease__job=job).likelihoods is None


def test_they_are_sealed_and_forgotten_with_the_organisation_s_key(make: Make) -> None:
    scene = make()
    ComputeClass.objects.filter(code=scene.model.compute_class_id).update(retention="24h")
    now = utc_now()
    job = asked(scene)
    agent, lease = claim(scene, job, now=now)
    agent.deliver(lease, [7, EOS], rows=rows(7, EOS), now=now)
    sealed = bytes(Checkpoint.objects.get(lease__job=job).likelihoods or b"")
    assert sealed
    assert (70).to_bytes(4, "big") + (8).to_bytes(4, "big") not in sealed
    job_settle(job_id=job.id, now=now)
    content_forget(organisation_id=scene.buyer.id, confirm=scene.buyer.name, now=now)
    assert Checkpoint.objects.get(lease__job=job).likelihoods is None
    content_erase([job.id])
    assert answer_told(job) == ()


def test_checkpoints_of_many_keep_each_its_own(make: Make) -> None:
    scene = make()
    now = utc_now()
    leases = []
    for make_job in (asked, lambda scene: scene.create(now=now)):
        agent, lease = claim(scene, make_job(scene), now=now)
        agent.open(lease, now=now)
        leases.append(Lease.objects.get(id=lease_uuid(lease)))
    counts = {leases[0].id: Counted([7], rows(7)), leases[1].id: Counted([8])}
    assert relay_checkpoints(counts=counts, now=now) == set()
    kept = [Checkpoint.objects.get(lease=lease).likelihoods is not None for lease in leases]
    assert kept == [True, False]


def test_who_can_not_tell_them_gets_no_such_job(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    scene.agents[0].heartbeat(scene.model, now=now, logprobs=False)
    jobs = [asked(scene) for _ in range(6)]
    assert {job.provider for job in jobs} == {scene.agents[1].provider}
    scene.agents[1].heartbeat(scene.model, now=now, logprobs=False)
    with pytest.raises(CuxError) as refused:
        asked(scene)
    assert refused.value.code is Code.DEPENDENCY_UNAVAILABLE
    assert scene.create(now=now).provider in {each.provider for each in scene.agents}


def test_such_jobs_are_audited_as_others_are(make: Make) -> None:
    scene = make()
    job = asked(scene)
    assert not any(value for name, value in job.sampling.items() if name not in PLAIN)


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        (tokens(7), TOP),
        (wire.TokensLine(ids=[7], logprobs=[1]), TOP),
        (wire.TokensLine(ids=[7], logprobs=[1], top_logprobs=[[(7, 1), (8, 2)]]), TOP),
        (wire.TokensLine(ids=[7, 8], logprobs=[1], top_logprobs=[[(7, 1)]]), TOP),
        (wire.TokensLine(ids=[7, 8], logprobs=[1]), Sampling(logprobs=True)),
    ],
    ids=["none", "unlisted", "too_wide", "short", "few"],
)
def test_an_upload_without_them_fails_its_lease(
    make: Make, relay: RelayProcess, line: wire.TokensLine, asks: Sampling
) -> None:
    scene = make(providers=2)
    job = asked(scene, asks)
    _, lease = claim(scene, job, now=utc_now())

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(line)
        upload.close()
        await upload.result()

    run(main)
    assert Lease.objects.get(job=job, epoch=1).outcome == "likelihoods_missing"
    assert not Checkpoint.objects.filter(lease__job=job).exists()


def test_a_caller_gets_them_with_the_text_whether_from_relay_or_checkpoint(
    make: Make, relay: RelayProcess
) -> None:
    scene = make()
    job = asked(scene)
    agent, lease = claim(scene, job, now=utc_now())
    ids = scene.text_ids("hé")

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        for at, token in enumerate(ids):
            line = wire.TokensLine(ids=[token], logprobs=[token * 10], top_logprobs=[[(token + 1, token)]])
            upload.send(line)
            await caller.tokens(at + 1)
        again = Upload(relay, lease)  # delivered again from token 0: nothing is told twice
        line = wire.TokensLine(
            ids=ids,
            logprobs=[token * 10 for token in ids],
            top_logprobs=[[(token + 1, token)] for token in ids],
        )
        again.send(line, agent.finished(lease, ids))
        again.close()
        assert (await again.result()).status == "accepted"
        late = Caller(job)
        upload.close()
        for each in (caller, late):
            await each.tokens(len(ids))
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        for each in (caller, late):
            end = await each.end()
            assert end.likelihoods == told(*ids)
            pieces = [one.piece for event in each.events[:-1] for one in event.told]
            assert [piece.token for piece in pieces] == [b"h", b"\xc3", b"\xa9"]
            assert [piece.logprob for piece in pieces] == [-token / 100_000 for token in ids]

    run(main)
