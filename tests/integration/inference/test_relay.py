"""Tokens through a real relay: agent's upload in, caller's text out, whatever dies in between."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import msgspec
import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from cux.wire import agent
from inference import gateway
from inference.gateway import Finished, Refunded, TokenChunk, stream_job, stream_to_caller
from inference.models import Checkpoint, Job, Lease
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from tests.integration.inference.books import Books, books
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.scene import Agent, Scene, lease_uuid

UNTOUCHED = Books(10_000, 0, 20_000_000, 0, 0)


@pytest.fixture(scope="module")
def relay_process(servers: None) -> Iterator[RelayProcess]:
    relay = RelayProcess()
    relay.start()
    yield relay
    relay.kill()


@pytest.fixture
def relay(relay_process: RelayProcess, settings: Any) -> RelayProcess:
    settings.RELAY_URL = relay_process.url
    return relay_process


class Caller:
    """Follows a job as the gateway does, and keeps what it was given."""

    def __init__(self, job: Job) -> None:
        self.events: list[TokenChunk | Finished | Refunded] = []
        self._arrived = asyncio.Event()
        self.task = asyncio.create_task(self._follow(job.id))

    async def _follow(self, job_id: uuid.UUID) -> None:
        async for event in stream_job(job_id):
            self.events.append(event)
            self._arrived.set()

    async def tokens(self, count: int) -> None:
        """Return once so many tokens have arrived."""
        while sum(1 for _ in self.events) == 0 or self.count < count:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 20)

    @property
    def count(self) -> int:
        return max((each.output_tokens for each in self.events if isinstance(each, TokenChunk)), default=0)

    async def end(self) -> Finished | Refunded:
        await asyncio.wait_for(self.task, 20)
        last = self.events[-1]
        assert isinstance(last, Finished | Refunded)
        return last


class Upload:
    """An agent's upload that sends line by line, when told to."""

    def __init__(self, relay: RelayProcess, lease: agent.Lease) -> None:
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        url = f"{relay.url}/relay/v1/leases/{lease.lease_id}/upload"
        self._request = asyncio.create_task(self._post(url, lease.relay_token))

    async def _post(self, url: str, token: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20) as client:
            return await client.post(url, content=self._body(), headers={"Authorization": f"Bearer {token}"})

    async def _body(self) -> AsyncIterator[bytes]:
        while (line := await self._lines.get()) is not None:
            yield line

    def send(self, *lines: agent.UploadLine | bytes) -> None:
        for line in lines:
            self._lines.put_nowait(line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        self._lines.put_nowait(None)

    async def result(self) -> agent.UploadResult:
        response = await asyncio.wait_for(self._request, 20)
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=agent.UploadResult)

    async def broken(self) -> None:
        with pytest.raises(httpx.HTTPError):
            await asyncio.wait_for(self._request, 20)


def tokens(*ids: int) -> agent.TokensLine:
    return agent.TokensLine(ids=list(ids))


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def closing() -> None:
        try:
            await main()
        finally:
            await gateway.close()

    asyncio.run(closing())


def claimed(scene: Scene) -> tuple[Job, Agent, agent.Lease]:
    now = utc_now()
    job = scene.create(now=now)
    return job, *claim_again(scene, job)


def claim_again(scene: Scene, job: Job) -> tuple[Agent, agent.Lease]:
    job_dispatch(job_id=job.id, now=utc_now())
    lease = Lease.objects.get(job=job, state=Lease.State.GRANTED)
    owner = next(each for each in scene.agents if each.provider.id == lease.provider_id)
    (message,) = owner.claim(now=utc_now())
    return owner, message


def text_of(events: list[TokenChunk | Finished | Refunded]) -> str:
    return "".join(each.text for each in events if isinstance(each, TokenChunk))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await in_thread(condition):  # noqa: ASYNC110 (a row is looked at, not an event)
            await asyncio.sleep(0.02)


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


def test_a_failure_after_the_first_token_refunds_and_the_caller_is_told(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, _, lease = claimed(scene)

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*scene.text_ids("ab")))
        await caller.tokens(2)
        upload.send(agent.FailedLine(code="engine_failed", message="it died"))
        upload.close()
        await upload.result()
        assert await caller.end() == Refunded(Code.JOB_FAILED)

    run(main)
    assert [books(each) for each in scene.entitlements] == [UNTOUCHED, UNTOUCHED]


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


def test_another_provider_s_answer_never_continues_what_the_caller_has_seen(
    make: Callable[..., Scene], relay: RelayProcess
) -> None:
    scene = make(providers=2)
    job, owner, lease = claimed(scene)

    async def main() -> None:
        caller, upload = Caller(job), Upload(relay, lease)
        upload.send(tokens(*scene.text_ids("ab")))
        await caller.tokens(2)
        await until(lambda: Lease.objects.get(job=job).output_tokens == 2)
        # As if relay and agent had died before the first token was written down.
        await in_thread(Lease.objects.filter(job=job).update, output_tokens=0)
        reason = {"reason": "lost", "now": utc_now()}
        await in_thread(lease_fail, lease_id=lease_uuid(lease), provider_id=owner.provider.id, **reason)
        await in_thread(job_dispatch, job_id=job.id, now=utc_now())
        assert await caller.end() == Refunded(Code.JOB_FAILED)
        assert text_of(caller.events) == "ab"
        upload.close()
        await upload.result()

    run(main)
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


def test_an_upload_that_is_superseded_on_the_way_is_told_so(scene: Scene, relay: RelayProcess) -> None:
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
