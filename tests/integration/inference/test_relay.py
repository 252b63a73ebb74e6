"""Tokens through a real relay: agent's upload in, caller's text out, whatever dies in between."""

from collections.abc import Callable

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from cux.wire import agent
from inference.gateway import Finished, Refunded
from inference.models import Checkpoint, Lease
from inference.services.job_interrupt import job_interrupt
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from tests.integration.inference.books import UNTOUCHED, books
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.relay_scene import (
    Caller,
    Upload,
    claim_again,
    claimed,
    run,
    text_of,
    tokens,
    until,
)
from tests.integration.inference.scene import Scene, lease_uuid


def test_text_arrives_while_the_answer_is_still_being_generated(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    answer = scene.text_ids("héllo")

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*answer[:2]))
        await caller.tokens(2)
        upload.send(tokens(*answer[2:4]))
        await caller.tokens(4)
        assert text_of(caller.events) == "hél"
        upload.send(tokens(*answer[4:]), owner.finished(lease, answer))
        upload.close()
        assert (await upload.result()).status == "accepted"
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        end = await caller.end()
        assert isinstance(end, Finished)
        assert text_of(caller.events) == "héllo"
        assert (end.prompt_tokens, end.output_tokens, end.compute_ucu) == (5, 6, 23)
        assert (end.charged_nano_usd, len(end.receipt_hash)) == (2_020 * 23, 64)

    run(main)


def test_a_relay_that_dies_mid_stream_costs_only_a_pause(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    answer = scene.text_ids("abcdef")

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*answer[:3]))
        await caller.tokens(3)
        await in_thread(relay.kill)
        upload.close()
        await upload.broken()
        await in_thread(relay.start)
        again = Upload(relay, lease)
        again.send(tokens(*answer), owner.finished(lease, answer))
        again.close()
        assert (await again.result()).output_tokens == 6
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), Finished)
        assert text_of(caller.events) == "abcdef"

    run(main)


def test_a_failure_before_the_first_token_moves_the_job_and_the_caller_only_waits(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, first, lease = claimed(scene)
    answer = scene.text_ids("ok")

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(agent.FailedLine(code="engine_failed", message="it died"))
        upload.close()
        await upload.result()
        second, other = await in_thread(claim_again, scene, job)
        assert (second is not first, other.epoch) == (True, 2)
        again = Upload(relay, other)
        again.send(tokens(*answer), second.finished(other, answer))
        again.close()
        assert (await again.result()).status == "accepted"
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), Finished)
        assert text_of(caller.events) == "ok"

    run(main)


def test_a_failure_within_the_answer_moves_the_job_and_the_caller_reads_one_answer(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, first, lease = claimed(scene)
    answer = scene.text_ids("héllo, wörld")
    begun = len(scene.text_ids("h")) + 1  # in the middle of a character

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*answer[:begun]))
        await caller.tokens(begun)
        upload.send(agent.FailedLine(code="engine_failed", message="it died"))
        upload.close()
        await upload.result()
        second, other = await in_thread(claim_again, scene, job)
        assert second is not first
        assert (other.epoch, other.prefix_token_ids, other.max_tokens) == (2, answer[:begun], 20 - begun)
        again = Upload(relay, other)
        again.send(*(tokens(each) for each in answer[begun:]), second.finished(other, answer[begun:]))
        again.close()
        assert (await again.result()).status == "accepted"
        late = Caller(job)
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        end = await caller.end()
        assert isinstance(end, Finished)
        assert (text_of(caller.events), end.output_tokens) == ("héllo, wörld", len(answer))
        await late.end()
        assert text_of(late.events) == "héllo, wörld"

    run(main)


def test_what_an_upload_had_delivered_when_it_broke_off_is_continued(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, first, lease = claimed(scene)
    answer = scene.text_ids("abcdef")

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(answer[0]))
        await until(lambda: Lease.objects.get(job=job).output_tokens == 1)
        upload.send(tokens(*answer[1:3]))  # the next checkpoint were a second later
        await caller.tokens(3)
        await upload.break_off()
        await until(lambda: Lease.objects.get(job=job).output_tokens == 3)
        reason = {"reason": "agent_restarted", "now": utc_now()}
        await in_thread(lease_fail, lease_id=lease_uuid(lease), provider_id=first.provider.id, **reason)
        _, other = await in_thread(claim_again, scene, job)
        assert other.prefix_token_ids == answer[:3]
        await in_thread(job_interrupt, job_id=job.id, now=utc_now())
        assert await caller.end() == Refunded(Code.JOB_FAILED)

    run(main)


def test_an_upload_needs_no_reader_and_a_late_caller_gets_all(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    answer = scene.text_ids("abcdefghij")

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(*(tokens(each) for each in answer), owner.finished(lease, answer))
        upload.close()
        assert (await upload.result()).status == "accepted"
        caller = Caller(job)
        await caller.tokens(10)
        assert text_of(caller.events) == "abcdefghij"
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), Finished)

    run(main)


def test_an_answer_whose_end_was_lost_is_never_passed_off_as_whole(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    assert owner.deliver(lease, scene.text_ids("lost"), now=utc_now()).status == "accepted"
    job_settle(job_id=job.id, now=utc_now())

    async def main() -> None:
        with pytest.raises(CuxError) as refusal:
            await Caller(job).end()
        assert refusal.value.code is Code.INTERNAL

    run(main)


def test_a_delivered_answer_is_read_from_its_checkpoint_if_the_relay_lost_it(
    scene: Scene, relay: RelayProcess
) -> None:
    job, owner, lease = claimed(scene)
    assert owner.deliver(lease, scene.text_ids("kept"), now=utc_now()).status == "accepted"

    async def main() -> None:
        caller = Caller(job)
        await caller.tokens(4)
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), Finished)
        assert text_of(caller.events) == "kept"

    run(main)


@pytest.mark.parametrize(("continued", "ends"), [("abc", Finished), ("axc", Refunded)])
def test_text_that_was_shown_and_not_written_down_is_never_contradicted(
    make: Callable[..., Scene], relay: RelayProcess, continued: str, ends: type
) -> None:
    scene = make(providers=2)
    job, owner, lease = claimed(scene)
    answer = scene.text_ids(continued)

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*scene.text_ids("ab")))
        await caller.tokens(2)
        await until(lambda: Lease.objects.get(job=job).output_tokens == 2)
        # As if relay and agent had died before the first token was written down.
        await in_thread(Lease.objects.filter(job=job).update, output_tokens=0)
        reason = {"reason": "lost", "now": utc_now()}
        await in_thread(lease_fail, lease_id=lease_uuid(lease), provider_id=owner.provider.id, **reason)
        second, other = await in_thread(claim_again, scene, job)
        assert other.prefix_token_ids == []
        again = Upload(relay, other)
        again.send(tokens(*answer))
        if ends is Finished:
            again.send(second.finished(other, answer))
            again.close()
            await again.result()
            await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), ends)
        assert text_of(caller.events) == ("abc" if ends is Finished else "ab")
        for each in (upload, again):
            each.close()
            await each.result()

    run(main)
    if ends is Refunded:
        assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]


def test_checkpoints_are_written_while_streaming(scene: Scene, relay: RelayProcess) -> None:
    _, owner, lease = claimed(scene)
    answer = scene.text_ids("abc")

    def counted(count: int) -> Callable[[], bool]:
        return lambda: Checkpoint.objects.filter(lease_id=lease_uuid(lease), output_tokens=count).exists()

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(tokens(answer[0]))
        await until(counted(1))
        upload.send(tokens(answer[1]))
        await until(counted(2))
        upload.send(tokens(answer[2]), owner.finished(lease, answer))
        upload.close()
        await upload.result()

    run(main)


def test_an_upload_that_is_superseded_on_the_way_is_told_so(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, owner, lease = claimed(scene)

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(tokens(1))
        await until(lambda: Lease.objects.get(job=job).output_tokens == 1)
        await in_thread(
            lease_fail,
            lease_id=lease_uuid(lease),
            provider_id=owner.provider.id,
            reason="draining",
            now=utc_now(),
        )
        upload.send(tokens(2), owner.finished(lease, [1, 2]))
        upload.close()
        assert (await upload.result()).status == "superseded"

    run(main)
