"""The unchanged official client against the endpoint, with a provider that answers as the test says."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from core.clock import utc_now
from core.errors import Code
from core.ids import public_id
from exchange.models import Cover
from inference.models import Job, Lease
from inference.selectors.jobs import receipt_get
from inference.services.job_dispatch import job_dispatch
from tests import builders
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.scripted import ScriptedProvider
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_scene
from tests.waiting import eventually

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def urls(servers: None) -> Iterator[tuple[str, str]]:
    """Run a relay and a web process that reads from it; return the addresses of web and relay."""
    with relay_process() as relay_url, web_process(CUX_RELAY_URL=relay_url) as web_url:
        yield web_url, relay_url


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """Return a model, a provider for it and a buyer with 10,000 µCU there."""
    return make_scene(tmp_path)


@pytest.fixture
def provider(scene: Scene, urls: tuple[str, str]) -> ScriptedProvider:
    """Return the scene's provider."""
    return ScriptedProvider(scene, urls[1])


@pytest.fixture
def secret(scene: Scene, key_of) -> str:
    """Return a key of the buyer."""
    return key_of(scene.buyer).secret


@pytest.fixture
def client(urls: tuple[str, str], secret: str) -> Iterator[openai.OpenAI]:
    """Return the official client, as anybody would make it."""
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=secret, max_retries=0, timeout=30) as made:
        yield made


def test_a_completion_is_a_typed_object_with_usage_and_cost(client, scene, provider):
    provider.say.put("Hi there")
    provider.say.put(None)
    serving = provider.serve()
    answer = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    serving.join()

    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "Hi there"
    assert answer.choices[0].finish_reason == "stop"
    job = Job.objects.get(organisation=scene.buyer)
    assert answer.usage.model_dump(exclude={"completion_tokens_details", "cux"}, exclude_none=True) == {
        "prompt_tokens": 5,
        "completion_tokens": 8,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    cost = answer.usage.cux
    assert (cost["compute_ucu"], cost["cost_nano_usd"]) == (job.compute_ucu, job.charged_nano_usd)
    assert job.compute_ucu > 0
    assert cost["job_id"] == f"job_{job.id.hex}"
    assert cost["card_hash"] == scene.model.card_hash
    assert cost["receipt_url"].endswith(f"/v1/receipts/job_{job.id.hex}")


def test_a_stream_gives_text_as_it_comes_and_usage_at_the_end(client, scene, provider):
    serving = provider.serve()
    provider.say.put("One")
    stream = client.chat.completions.create(
        model=scene.model.name,
        messages=HELLO,
        max_tokens=20,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert stream.response.headers["x-cux-job-id"].startswith("job_")
    text = ""
    for chunk in stream:  # the provider says more only when what it said has arrived
        if not chunk.choices:
            break
        assert chunk.usage is None
        text += chunk.choices[0].delta.content or ""
        if text == "One":
            provider.say.put(" two")
            provider.say.put(None)
            text += "|"
        finish_reason = chunk.choices[0].finish_reason
    assert text == "One| two"
    assert finish_reason == "stop"
    assert (chunk.usage.completion_tokens, chunk.usage.total_tokens) == (7, 12)
    assert chunk.usage.cux["compute_ucu"] > 0
    assert list(stream) == []
    serving.join()


def test_a_stream_that_breaks_off_raises_in_the_client_and_costs_nothing(client, scene, provider):
    provider.fails = True
    serving = provider.serve()
    provider.say.put("One")
    stream = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=20, stream=True
    )
    assert next(stream).choices[0].delta.role == "assistant"
    assert next(stream).choices[0].delta.content == "One"
    provider.say.put(None)
    serving.join()
    job = Job.objects.get(organisation=scene.buyer)
    # Nobody else sells it: the cover for the rest of the answer finds nothing.
    assert Cover.objects.filter(job_id=job.id).update(state=Cover.State.RETURNED) == 1
    job_dispatch(job_id=job.id, now=utc_now())
    with pytest.raises(openai.APIError) as broken:
        list(stream)
    assert broken.value.code == "job_failed"
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == ("refunded", 0)


def test_a_repeated_key_runs_no_second_job_and_does_not_repeat_a_deleted_answer(
    client, scene, provider, urls, secret
):
    provider.say.put("Hi")
    provider.say.put(None)
    serving = provider.serve()
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20}
    headers = bearer(secret) | {"Idempotency-Key": "chat-1"}
    first = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=headers, timeout=30)
    serving.join()
    assert first.status_code == 200
    again = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert_error(again, Code.ANSWER_NOT_KEPT)
    other = httpx.post(f"{urls[0]}/v1/chat/completions", json=body | {"seed": 1}, headers=headers, timeout=30)
    assert_error(other, Code.IDEMPOTENCY_KEY_REUSED)
    assert Job.objects.filter(organisation=scene.buyer).count() == 1


def test_job_and_receipt_are_the_owners_alone_byte_for_byte(client, scene, provider, urls, secret, key_of):
    provider.say.put("Hi")
    provider.say.put(None)
    serving = provider.serve()
    answer = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    serving.join()
    job = Job.objects.get(organisation=scene.buyer)
    path = answer.usage.cux["receipt_url"].partition("/v1/")[2]
    document = httpx.get(f"{urls[0]}/v1/{path}", headers=bearer(secret))
    assert document.headers["content-type"] == "application/json"
    assert document.content == receipt_get(organisation_id=scene.buyer.id, job_id=job.id)

    stranger = bearer(key_of(builders.organisation("stranger")).secret)
    for path in (f"receipts/job_{job.id.hex}", f"jobs/job_{job.id.hex}", f"jobs/job_{scene.buyer.id.hex}"):
        assert_error(httpx.get(f"{urls[0]}/v1/{path}", headers=stranger), Code.UNKNOWN_JOB)
    assert httpx.get(f"{urls[0]}/v1/jobs", headers=stranger).json()["data"] == []
    own = httpx.get(f"{urls[0]}/v1/jobs", headers=bearer(secret)).json()["data"]
    assert [(row["job_id"], row["status"]) for row in own] == [(f"job_{job.id.hex}", "settled")]


@pytest.mark.parametrize(
    ("change", "kind", "status", "code", "param"),
    [
        ({"model": "no-such"}, openai.NotFoundError, 404, "unknown_model", "model"),
        ({"top_logprobs": 3}, openai.BadRequestError, 400, "invalid_field", "top_logprobs"),
        ({"temperature": 3}, openai.BadRequestError, 400, "invalid_field", "temperature"),
        ({"max_tokens": 300}, openai.BadRequestError, 400, "context_length_exceeded", "max_tokens"),
        (
            {"extra_body": {"max_compute_ucu": 1}},
            openai.UnprocessableEntityError,
            422,
            "budget_too_small",
            "max_compute_ucu",
        ),
    ],
)
def test_refusals_raise_the_clients_own_errors_and_make_no_job(
    client, scene, change, kind, status, code, param
):
    with pytest.raises(kind) as refused:
        client.chat.completions.create(
            **{"model": scene.model.name, "messages": HELLO, "max_tokens": 20} | change
        )
    assert (refused.value.status_code, refused.value.code, refused.value.param) == (status, code, param)
    assert refused.value.type == "invalid_request_error" or code == "unknown_model"
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_without_entitlement_it_is_402_and_no_job(urls, scene, key_of):
    poor = key_of(builders.organisation("poor")).secret
    with (
        openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=poor, max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    assert (refused.value.status_code, refused.value.code) == (402, "insufficient_entitlement")


def test_a_wrong_key_raises_authentication_error(urls):
    with (
        openai.OpenAI(base_url=f"{urls[0]}/v1", api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_models_are_listed_and_found(client, scene):
    assert scene.model.name in [model.id for model in client.models.list()]
    found = client.models.retrieve(scene.model.name)
    assert (found.id, found.object, found.owned_by) == (scene.model.name, "model", "cux")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such")


def canceled(scene) -> bool:
    return Job.objects.filter(organisation=scene.buyer, canceled_at__isnull=False).exists()


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_leaves_pays_for_what_was_delivered_until_the_provider_stopped(
    urls, scene, provider, secret, stream
):
    provider.ends_with = "abort"
    serving = provider.serve()
    provider.say.put("One")
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20, "stream": stream}
    with httpx.Client(base_url=urls[0], timeout=2, headers=bearer(secret)) as caller:
        if stream:
            with caller.stream("POST", "/v1/chat/completions", json=body) as answer:
                assert b"assistant" in next(answer.iter_raw())
        else:
            with pytest.raises(httpx.ReadTimeout):
                caller.post("/v1/chat/completions", json=body)
    eventually(lambda: canceled(scene))
    (lease,) = Lease.objects.filter(job__organisation=scene.buyer)
    told = scene.agents[0].heartbeat(scene.model, now=utc_now(), running=[public_id("lease", lease.id)])
    assert told.leases_canceled == [public_id("lease", lease.id)]
    provider.say.put("!")
    provider.say.put(None)
    serving.join()
    job = Job.objects.get(organisation=scene.buyer)
    assert (job.state, job.finish_reason, job.output_tokens) == ("completed", "abort", 4)
    assert 0 < job.compute_ucu < job.quote_ucu
    assert job.charged_nano_usd == 2_020 * job.compute_ucu


def test_a_caller_who_leaves_before_any_provider_began_pays_nothing(urls, scene, secret):
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20}
    with (
        httpx.Client(base_url=urls[0], timeout=1, headers=bearer(secret)) as caller,
        pytest.raises(httpx.ReadTimeout),
    ):
        caller.post("/v1/chat/completions", json=body)
    eventually(lambda: canceled(scene))
    job = Job.objects.get(organisation=scene.buyer)
    assert (job.state, job.failure, job.charged_nano_usd) == ("refunded", "job_canceled", 0)


def test_a_caller_who_gave_a_key_may_come_back_for_the_rest(urls, scene, provider, secret):
    serving = provider.serve()
    provider.say.put("One")
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20}
    headers = bearer(secret) | {"Idempotency-Key": "back-1"}
    with httpx.Client(base_url=urls[0], headers=headers) as caller:
        with pytest.raises(httpx.ReadTimeout):
            caller.post("/v1/chat/completions", json=body, timeout=1)
        provider.say.put(" two")
        provider.say.put(None)
        answer = caller.post("/v1/chat/completions", json=body, timeout=30)
    serving.join()
    if answer.status_code == 200:
        assert answer.json()["choices"][0]["message"]["content"] == "One two"
    else:  # it was settled before the caller was back
        assert_error(answer, Code.ANSWER_NOT_KEPT)
    job = Job.objects.get(organisation=scene.buyer)
    assert (job.state, job.finish_reason, job.canceled_at) == ("completed", "stop", None)


def test_a_quote_says_the_most_and_reserves_nothing(urls, scene, secret):
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20}
    quote = httpx.post(f"{urls[0]}/v1/quotes", json=body, headers=bearer(secret)).json()
    assert (quote["prompt_tokens"], quote["max_tokens"], quote["card_hash"]) == (5, 20, scene.model.card_hash)
    assert quote["quote_ucu"] == scene.quote().quote_ucu
    assert not Job.objects.filter(organisation=scene.buyer).exists()
    both = httpx.post(f"{urls[0]}/v1/quotes", json=body | {"prompt": "x"}, headers=bearer(secret))
    assert_error(both, Code.INVALID_FIELD, "messages")
