"""Files and batches by the unchanged official client; the worker's steps are taken by the test."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from accounts.services import api_key_revoke
from api.openai.batch_advance import batch_advance, batch_validate, batches_reconcile
from api.openai.batch_begin import line_begin
from core.clock import utc_now
from core.errors import Code
from core.ids import parse_public_id
from core.models import DataKey
from inference.models import Batch, BatchLine, Checkpoint, Job, StoredFile
from inference.services.content_erase import content_expire, content_forget
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests import builders
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_entitlement, make_scene
from tests.races import race

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def web_url(servers: None) -> Iterator[str]:
    with web_process() as url:
        yield url


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    return make_scene(tmp_path)


@pytest.fixture
def secret(scene: Scene, key_of) -> str:
    return key_of(scene.buyer).secret


@pytest.fixture
def client(web_url: str, secret: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{web_url}/v1", api_key=secret, max_retries=0, timeout=30) as made:
        yield made


def line(scene: Scene, name: str, content: str = "hello", url: str = CHAT, **more: Any) -> dict[str, Any]:
    said = {"messages": [{"role": "user", "content": content}]} if url == CHAT else {"prompt": content}
    body = {"model": scene.model.name, "max_tokens": 20, **said, **more}
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def upload(client: openai.OpenAI, *lines: Any) -> openai.types.FileObject:
    return client.files.create(file=("asked.jsonl", jsonl(*lines)), purpose="batch")


def open_batch(client: openai.OpenAI, *lines: Any, endpoint: str = CHAT) -> openai.types.Batch:
    return client.batches.create(
        input_file_id=upload(client, *lines).id, endpoint=endpoint, completion_window="24h"
    )


def row_of(batch: openai.types.Batch) -> Batch:
    return Batch.objects.get(id=parse_public_id("batch", batch.id))


def advance(batch: openai.types.Batch, *, after: timedelta = timedelta(0)) -> Batch:
    batch_advance(batch_id=row_of(batch).id, now=utc_now() + after)
    return row_of(batch)


def answer_all(scene: Scene, text: str = "Hi there") -> int:
    """Have the provider answer every job that waits; return how many those were."""
    for job in Job.objects.filter(organisation=scene.buyer, state=Job.State.QUEUED):
        job_dispatch(job_id=job.id, now=utc_now())
    leases = scene.agents[0].claim(now=utc_now())
    for lease in leases:
        assert scene.agents[0].deliver(lease, scene.text_ids(text), now=utc_now()).status == "accepted"
        job_settle(job_id=parse_public_id("job", lease.job_id), now=utc_now())
    return len(leases)


def run(scene: Scene, batch: openai.types.Batch) -> None:
    """Advance the batch and have its jobs answered until it has ended."""
    while advance(batch).ended_at is None:
        assert answer_all(scene)


def read(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(each) for each in client.files.content(file_id).text.splitlines()]


def test_a_file_is_kept_sealed_listed_given_back_and_deleted(client, scene):
    content = jsonl(line(scene, "a"))
    made = client.files.create(file=("asked.jsonl", content), purpose="batch")
    assert (made.object, made.bytes, made.filename) == ("file", len(content), "asked.jsonl")
    assert (made.purpose, made.status) == ("batch", "processed")
    assert made.expires_at - made.created_at == 30 * 86_400
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == content
    stored = StoredFile.objects.get(organisation=scene.buyer)
    assert b"hello" not in bytes(stored.content)

    other = client.files.create(
        file=("b.jsonl", b"{}"),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    assert other.expires_at - other.created_at == 3_600
    assert [each.id for each in client.files.list(limit=1)] == [other.id, made.id]  # two pages
    assert [each.id for each in client.files.list(order="asc", purpose="batch")] == [made.id, other.id]
    assert list(client.files.list(purpose="batch_output")) == []

    gone = client.files.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    for look in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError) as refused:
            look(made.id)
        assert refused.value.code == "unknown_file"


def test_an_upload_that_is_repeated_under_its_key_is_one_file(web_url, secret, scene):
    headers = bearer(secret) | {"Idempotency-Key": "up-1"}

    def send(content: bytes) -> httpx.Response:
        form = {"files": {"file": ("a.jsonl", content)}, "data": {"purpose": "batch"}}
        return httpx.post(f"{web_url}/v1/files", headers=headers, **form)

    assert send(b"{}").json() == send(b"{}").json()  # each form has a boundary of its own
    assert StoredFile.objects.filter(organisation=scene.buyer).count() == 1
    assert_error(send(b"[]"), Code.IDEMPOTENCY_KEY_REUSED)


def test_what_is_no_upload_is_refused(web_url, secret, scene, monkeypatch):
    url, headers = f"{web_url}/v1/files", bearer(secret)
    file = {"file": ("a.jsonl", b"{}")}
    assert_error(httpx.post(url, headers=headers, json={}), Code.UNSUPPORTED_MEDIA_TYPE)
    broken = headers | {"Content-Type": "multipart/form-data"}
    assert_error(httpx.post(url, headers=broken, content=b"x"), Code.INVALID_FIELD, "file")
    for data, param in (({}, "purpose"), ({"purpose": "fine-tune"}, "purpose")):
        assert_error(httpx.post(url, headers=headers, files=file, data=data), Code.INVALID_FIELD, param)
    named = {"purpose": "batch", "colour": "red"}
    answer = httpx.post(url, headers=headers, files=file, data=named)
    assert_error(answer, Code.UNSUPPORTED_PARAMETER, "colour")
    short = {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "10"}
    assert_error(
        httpx.post(url, headers=headers, files=file, data=short), Code.INVALID_FIELD, "expires_after"
    )
    large = {"file": ("a.jsonl", b"x" * (16 * 1024 * 1024 + 1))}
    answer = httpx.post(url, headers=headers, files=large, data={"purpose": "batch"}, timeout=30)
    assert_error(answer, Code.FILE_TOO_LARGE, "file")
    assert not StoredFile.objects.filter(organisation=scene.buyer).exists()


def test_a_batch_answers_every_line_once_in_order(client, scene):
    batch = open_batch(client, line(scene, "a", "one"), line(scene, "b", "two"), line(scene, "c", "three"))
    assert (batch.status, batch.completion_window) == ("validating", "24h")
    assert batch.expires_at - batch.created_at == 86_400
    advance(batch)
    begun = client.batches.retrieve(batch.id)
    assert (begun.status, begun.request_counts.total) == ("in_progress", 3)
    jobs = Job.objects.filter(organisation=scene.buyer)
    assert [job.background for job in jobs] == [True] * 3
    advance(batch)  # again, as after a lost worker: no line runs twice
    assert jobs.count() == 3

    run(scene, batch)
    ended = client.batches.retrieve(batch.id)
    assert (ended.status, ended.errors, ended.error_file_id) == ("completed", None, None)
    assert ended.request_counts.model_dump() == {"total": 3, "completed": 3, "failed": 0}
    assert ended.completed_at >= ended.finalizing_at >= ended.in_progress_at >= ended.created_at
    results = read(client, ended.output_file_id)
    assert [each["custom_id"] for each in results] == ["a", "b", "c"]
    assert {(each["error"], each["response"]["status_code"]) for each in results} == {(None, 200)}
    answers = [openai.types.chat.ChatCompletion.model_validate(each["response"]["body"]) for each in results]
    assert [each.choices[0].message.content for each in answers] == ["Hi there"] * 3
    assert [each.choices[0].finish_reason for each in answers] == ["stop"] * 3
    costs = [each.usage.cux["cost_nano_usd"] for each in answers]
    assert sum(costs) == sum(job.charged_nano_usd for job in jobs.all()) > 0
    assert jobs.count() == 3
    assert [each.id for each in client.batches.list()] == [batch.id]
    # The class keeps nothing: what was said is in the caller's own files, and nowhere else.
    assert not jobs.filter(prompt__isnull=False).exists()
    assert not Checkpoint.objects.filter(lease__job__in=jobs, token_ids__isnull=False).exists()
    assert not BatchLine.objects.filter(batch=row_of(batch)).exists()


def test_a_line_is_begun_once_by_two_workers_at_once(client, scene):
    batch = open_batch(client, line(scene, "a"))
    batch_validate(batch_id=row_of(batch).id, now=utc_now())
    (waiting,) = BatchLine.objects.filter(batch=row_of(batch))
    begin = {"batch_id": waiting.batch_id, "line_id": waiting.id, "now": utc_now()}
    assert race(*[lambda: line_begin(**begin)] * 2) == ("running", None)
    assert Job.objects.filter(organisation=scene.buyer).count() == 1


def test_plain_completions_go_in_batches_too(client, scene):
    url = "/v1/completions"
    batch = open_batch(client, line(scene, "a", url=url), endpoint=url)
    run(scene, batch)
    (result,) = read(client, client.batches.retrieve(batch.id).output_file_id)
    answer = openai.types.Completion.model_validate(result["response"]["body"])
    assert (answer.object, answer.choices[0].text) == ("text_completion", "Hi there")


def test_a_file_with_wrong_lines_fails_by_their_numbers_and_nothing_is_run(client, scene):
    batch = open_batch(
        client,
        line(scene, "a"),
        line(scene, "a"),
        line(scene, "b", url="/v1/completions"),
        line(scene, "c", stream=True),
        line(scene, "d", temperature=9),
        {"custom_id": "e"},
        line(scene, "f", n=2),
        line(scene, "g", buy=True),
    )
    advance(batch)
    failed = client.batches.retrieve(batch.id)
    assert failed.status == "failed"
    assert failed.failed_at is not None
    assert [(each.line, each.code, each.param) for each in failed.errors.data] == [
        (2, "duplicate_custom_id", "custom_id"),
        (3, "invalid_field", "url"),
        (4, "unsupported_parameter", "stream"),
        (5, "invalid_field", "temperature"),
        (6, "invalid_field", "method"),
        (7, "unsupported_parameter", "n"),
        (8, "unsupported_parameter", "buy"),
    ]
    assert not Job.objects.filter(organisation=scene.buyer).exists()
    assert_error_code(client, lambda: client.batches.cancel(batch.id), 409, "batch_not_cancellable")


def assert_error_code(client: openai.OpenAI, call: Any, status: int, code: str) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        call()
    assert (refused.value.status_code, refused.value.code) == (status, code)


@pytest.mark.parametrize(
    ("content", "code"), [(b"\n\n", "invalid_field"), (b"x\n" * 10_001, "too_many_lines")]
)
def test_a_file_without_lines_or_with_too_many_fails(client, scene, content, code):
    file = client.files.create(file=("x.jsonl", content), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    advance(batch)
    (error,) = client.batches.retrieve(batch.id).errors.data
    assert (error.code, error.line) == (code, None)


def test_a_line_that_is_refused_for_good_is_in_the_error_file_and_the_others_are_answered(client, scene):
    batch = open_batch(client, line(scene, "a", "x" * 300), line(scene, "b"))
    run(scene, batch)
    ended = client.batches.retrieve(batch.id)
    assert (ended.status, ended.request_counts.failed) == ("completed", 1)
    (error,) = read(client, ended.error_file_id)
    assert (error["custom_id"], error["error"]) == ("a", None)
    assert error["response"]["status_code"] == 400
    assert error["response"]["body"]["error"]["code"] == "context_length_exceeded"
    assert [each["custom_id"] for each in read(client, ended.output_file_id)] == ["b"]


def test_a_line_waits_for_compute_that_is_bought_later(client, scene, web_url, key_of):
    poor = builders.organisation("poor")
    with openai.OpenAI(base_url=f"{web_url}/v1", api_key=key_of(poor).secret, max_retries=0) as other:
        batch = open_batch(other, line(scene, "a"))
        assert (advance(batch).state, Job.objects.filter(organisation=poor).count()) == ("in_progress", 0)
        make_entitlement(scene.instrument, poor, scene.agents[0].provider.organisation, 10_000)
        advance(batch)
        assert Job.objects.get(organisation=poor).state == "queued"


def test_a_cancelled_batch_begins_no_line_and_gives_what_is_there(client, scene, settings):
    settings.BATCH_JOBS_AT_ONCE = 1
    batch = open_batch(client, *(line(scene, name) for name in "abc"))
    advance(batch)
    assert answer_all(scene) == 1
    advance(batch)  # the second waits for a slot
    assert client.batches.cancel(batch.id).status == "cancelling"
    assert client.batches.cancel(batch.id).status == "cancelling"
    advance(batch)
    advance(batch)
    ended = client.batches.retrieve(batch.id)
    assert (ended.status, ended.cancelled_at is not None) == ("cancelled", True)
    assert ended.request_counts.model_dump() == {"total": 3, "completed": 1, "failed": 2}
    assert [each["custom_id"] for each in read(client, ended.output_file_id)] == ["a"]
    errors = read(client, ended.error_file_id)
    assert [(each["custom_id"], each["response"], each["error"]["code"]) for each in errors] == [
        ("b", None, "batch_cancelled"),
        ("c", None, "batch_cancelled"),
    ]
    states = Job.objects.filter(organisation=scene.buyer).order_by("created_at").values_list("state")
    assert [state for (state,) in states] == ["completed", "refunded"]


def test_a_batch_whose_window_is_over_expires_with_what_is_there(client, scene, settings):
    settings.BATCH_JOBS_AT_ONCE = 1
    batch = open_batch(client, line(scene, "a"), line(scene, "b"))
    advance(batch)
    assert answer_all(scene) == 1
    advance(batch, after=timedelta(hours=24))
    ended = client.batches.retrieve(batch.id)
    assert (ended.status, ended.expired_at is not None) == ("expired", True)
    (error,) = read(client, ended.error_file_id)
    assert (error["custom_id"], error["error"]["code"]) == ("b", "batch_expired")
    assert len(read(client, ended.output_file_id)) == 1


def test_a_line_whose_provider_fails_is_tried_again_and_fails_at_last(client, scene):
    batch = open_batch(client, line(scene, "a"))
    for tried in range(1, 4):
        advance(batch)
        jobs = Job.objects.filter(organisation=scene.buyer)
        assert jobs.count() == tried
        jobs.filter(ended_at=None).update(
            state=Job.State.REFUNDED, failure=Code.JOB_FAILED.wire, ended_at=utc_now()
        )
    advance(batch)
    (error,) = read(client, client.batches.retrieve(batch.id).error_file_id)
    assert error["response"]["body"]["error"]["code"] == "job_failed"


def test_a_revoked_key_stops_its_batches(client, scene, key_of, web_url):
    issued = key_of(scene.buyer)
    with openai.OpenAI(base_url=f"{web_url}/v1", api_key=issued.secret) as other:
        batch = open_batch(other, line(scene, "a"))
    api_key_revoke(organisation_id=scene.buyer.id, key_id=issued.key.id, now=utc_now())
    advance(batch)
    assert client.batches.retrieve(batch.id).status == "cancelled"
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_answers_are_kept_until_their_batch_has_them_and_no_longer(client, scene):
    batch = open_batch(client, line(scene, "a"))
    advance(batch)
    assert answer_all(scene) == 1
    content_expire(now=utc_now() + timedelta(days=1))
    assert Job.objects.filter(organisation=scene.buyer, prompt__isnull=False).exists()
    advance(batch)
    assert row_of(batch).state == "completed"
    assert not Job.objects.filter(organisation=scene.buyer, prompt__isnull=False).exists()


def test_files_go_with_the_key_and_not_while_a_batch_is_open(client, scene):
    batch = open_batch(client, line(scene, "a"))
    before = DataKey.objects.filter(organisation_id=scene.buyer.id).count()
    with pytest.raises(Exception, match="jobs_under_way"):
        content_forget(organisation_id=scene.buyer.id, confirm=scene.buyer.name, now=utc_now())
    assert DataKey.objects.filter(organisation_id=scene.buyer.id).count() == before == 1
    run(scene, batch)
    content_forget(organisation_id=scene.buyer.id, confirm=scene.buyer.name, now=utc_now())
    assert not StoredFile.objects.filter(organisation=scene.buyer).exists()


def test_files_and_batches_are_the_owners_alone(client, scene, web_url, key_of):
    batch = open_batch(client, line(scene, "a"))
    stranger = key_of(builders.organisation("stranger")).secret
    with openai.OpenAI(base_url=f"{web_url}/v1", api_key=stranger, max_retries=0) as other:
        assert list(other.files.list()) == list(other.batches.list()) == []
        for call in (other.files.retrieve, other.files.content, other.files.delete):
            assert_error_code(other, lambda call=call: call(batch.input_file_id), 404, "unknown_file")
        for call in (other.batches.retrieve, other.batches.cancel):
            assert_error_code(other, lambda call=call: call(batch.id), 404, "unknown_batch")
        make = other.batches.create
        assert_error_code(
            other,
            lambda: make(input_file_id=batch.input_file_id, endpoint=CHAT, completion_window="24h"),
            404,
            "unknown_file",
        )
    assert_error_code(client, lambda: client.files.delete(batch.input_file_id), 409, "file_in_use")


def test_the_clock_advances_batches_whose_hints_were_lost(client, scene):
    batch = open_batch(client, line(scene, "a"))
    batches_reconcile(now=utc_now())
    assert row_of(batch).state == "in_progress"
    assert answer_all(scene) == 1
    batches_reconcile(now=utc_now())
    assert row_of(batch).state == "completed"
