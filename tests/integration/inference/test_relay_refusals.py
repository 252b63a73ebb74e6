"""What a relay refuses, and what a caller who leaves pays: nobody is paid for what was not counted."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import httpx
import msgspec
import pytest

from api.agent.control import _follow
from core.clock import utc_now
from core.threads import in_thread
from cux.wire import agent
from inference.gateway import Finished, stream_to_caller
from inference.models import Job, Lease
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from tests.integration.inference.books import books
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


def unsigned(count: int) -> agent.FinishedLine:
    """Return the end of an answer under a signature that nobody made."""
    return agent.FinishedLine(
        finish_reason="stop", prompt_tokens=5, output_tokens=count, provider_signature="00" * 64
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([tokens(*range(21))], "too_many_tokens"),
        ([tokens(49_152)], "unknown_token"),
        ([tokens(1)], "no_last_line"),
        ([b'{"type":"tokens","ids":[]}\n'], "malformed_line"),
        ([b'{"type":"tokens","ids":[-1]}\n'], "malformed_line"),
        (
            [b'{"type":"finished","finish_reason":"stop","prompt_tokens":5,"output_tokens":0}\n'],
            "malformed_line",
        ),
        ([b"[" * 100_000 + b"\n"], "malformed_line"),
        ([b"\xff\n"], "malformed_line"),
        ([b"x" * 600_000, b"x" * 600_000], "line_too_long"),
        ([unsigned(0)], "no_tokens"),
        ([tokens(1), unsigned(1)], "signature_invalid"),
    ],
)
def test_what_cannot_be_an_answer_fails_the_lease(
    make: Callable[..., Scene], relay: RelayProcess, lines: list[agent.UploadLine | bytes], reason: str
) -> None:
    scene = make(providers=2)
    job, _, lease = claimed(scene)

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(*lines)
        upload.close()
        await upload.result()

    run(main)
    assert Lease.objects.get(job=job).outcome == reason
    assert [each.escrow_nano_usd for each in map(books, scene.entitlements)] == [20_000_000] * 2


def test_an_answer_that_changes_between_two_uploads_fails_the_lease(
    scene: Scene, relay: RelayProcess
) -> None:
    job, owner, lease = claimed(scene)

    async def main() -> None:
        first = Upload(relay, lease)
        first.send(tokens(1, 2))
        await until(lambda: Lease.objects.get(job=job).output_tokens == 2)
        second = Upload(relay, lease)
        second.send(tokens(1, 3), owner.finished(lease, [1, 3]))
        second.close()
        assert (await second.result()).status == "superseded"
        first.send(owner.finished(lease, [1, 2]))
        first.close()
        assert (await first.result()).status == "superseded"

    run(main)
    job.refresh_from_db()
    assert (job.state, Lease.objects.get(job=job).outcome) == (Job.State.REFUNDED, "answer_changed")


@pytest.mark.parametrize("token", ["wrong", None])
def test_strangers_get_nothing_from_the_relay(scene: Scene, relay: RelayProcess, token: str | None) -> None:
    job, _, lease = claimed(scene)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    inside = httpx.get(f"{relay.url}/relay/internal/jobs/{job.id}/stream", headers=headers)
    assert inside.status_code == 401
    upload = httpx.post(f"{relay.url}/relay/v1/leases/{lease.lease_id}/upload", headers=headers, content=b"")
    assert upload.status_code == (404 if token else 401)
    assert httpx.get(f"{relay.url}/other").json()["error"]["code"] == "not_found"
    assert Lease.objects.get(job=job).state == Lease.State.CLAIMED


def test_an_upload_left_over_from_an_earlier_lease_writes_nothing_into_the_later_one_s_answer(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, first, lease = claimed(scene)
    answer = scene.text_ids("true")

    async def main() -> None:
        caller, old = Caller(job), Upload(relay, lease)
        await until(lambda: Lease.objects.get(job=job).state == Lease.State.STREAMING)
        reason = {"reason": "lost", "now": utc_now()}
        await in_thread(lease_fail, lease_id=lease_uuid(lease), provider_id=first.provider.id, **reason)
        second, other = await in_thread(claim_again, scene, job)
        new = Upload(relay, other)
        await until(lambda: Lease.objects.get(id=lease_uuid(other)).state == Lease.State.STREAMING)
        old.send(tokens(*scene.text_ids("false")))
        old.close()
        assert (await old.result()).status == "superseded"
        new.send(tokens(*answer), second.finished(other, answer))
        new.close()
        assert (await new.result()).status == "accepted"
        await in_thread(job_settle, job_id=job.id, now=utc_now())
        assert isinstance(await caller.end(), Finished)
        assert text_of(caller.events) == "true"

    run(main)


def test_two_uploads_of_one_lease_at_once_deliver_it_once(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    answer = scene.text_ids("once")

    async def main() -> None:
        uploads = [Upload(relay, lease) for _ in range(2)]
        for upload in uploads:
            upload.send(tokens(*answer[:2]))
        await until(lambda: Lease.objects.get(job=job).output_tokens == 2)
        for upload in uploads:
            upload.send(tokens(*answer[2:]), owner.finished(lease, answer))
            upload.close()
        results = [await upload.result() for upload in uploads]
        assert sorted(each.status for each in results) == ["accepted", "duplicate"]
        assert [each.output_tokens for each in results] == [4, 4]

    run(main)
    assert job_settle(job_id=job.id, now=utc_now()).output_tokens == 4


def test_a_caller_who_leaves_stops_the_job_and_pays_for_what_came(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)
    answer = scene.text_ids("abc")

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(tokens(*answer[:2]))
        async with aclosing(stream_to_caller(job.id)) as events:
            assert (await anext(events)).text == "ab"
        assert (await in_thread(Job.objects.get, id=job.id)).canceled_at is not None
        upload.send(tokens(answer[2]), owner.finished(lease, answer, "abort"))
        upload.close()
        assert (await upload.result()).status == "accepted"

    run(main)
    settled = job_settle(job_id=job.id, now=utc_now())
    assert (settled.state, settled.finish_reason, settled.output_tokens) == ("completed", "abort", 3)


def stopped(event: bytes) -> list[str]:
    """Return the leases that an event of the control stream tells to stop."""
    return msgspec.json.decode(event.removeprefix(b"data: "), type=agent.ControlEvent).leases_canceled


def test_an_agent_is_told_at_once_that_the_caller_has_left(scene: Scene, relay: RelayProcess) -> None:
    job, owner, lease = claimed(scene)

    async def main() -> None:
        upload = Upload(relay, lease)
        upload.send(tokens(*scene.text_ids("ab")))
        events = _follow(owner.provider.id)
        try:
            assert stopped(await anext(events)) == []
            async with aclosing(stream_to_caller(job.id)) as answer:
                await anext(answer)
            assert stopped(await asyncio.wait_for(anext(events), 1.0)) == [lease.lease_id]
        finally:
            await events.aclose()
        upload.send(owner.finished(lease, scene.text_ids("ab"), "abort"))
        upload.close()
        await upload.result()

    run(main)
    assert job_settle(job_id=job.id, now=utc_now()).output_tokens == 2
