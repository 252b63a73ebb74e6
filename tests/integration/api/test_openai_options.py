"""What an OpenAI client may ask for beyond a plain chat: completions, choices, tools, providers."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from core.clock import utc_now
from core.errors import Code
from inference.models import Job
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.market_scene import Providers
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_scene

HELLO = [{"role": "user", "content": "hello"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "of today", "parameters": CITY}}
OSLO = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


@pytest.fixture(scope="module")
def urls(servers: None) -> Iterator[tuple[str, str]]:
    """Run a relay and a web process that reads from it; return the addresses of web and relay."""
    with relay_process() as relay_url, web_process(CUX_RELAY_URL=relay_url) as web_url:
        yield web_url, relay_url


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """Return a model with long contexts, a provider for it and a buyer with much compute there."""
    made = make_scene(tmp_path, quantity_ucu=100_000)
    made.model.context_tokens = 4_096
    made.model.save()
    return made


@pytest.fixture
def providers(scene: Scene, urls: tuple[str, str]) -> Providers:
    """Return who answers."""
    return Providers(scene, urls[1])


@pytest.fixture
def secret(scene: Scene, key_of) -> str:
    """Return a key of the buyer that may not trade."""
    return key_of(scene.buyer, "read", "infer").secret


@pytest.fixture
def client(urls: tuple[str, str], secret: str) -> Iterator[openai.OpenAI]:
    """Return the official client, as anybody would make it."""
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=secret, max_retries=0, timeout=10) as made:
        yield made


def test_a_plain_completion_is_a_typed_object(client, scene, providers):
    serving = providers.serve(" there")
    answer = client.completions.create(model=scene.model.name, prompt="hello", max_tokens=20)
    serving.join()
    assert (answer.object, answer.id[:5], answer.choices[0].text) == ("text_completion", "cmpl-", " there")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 6)
    assert answer.usage.cux["compute_ucu"] == Job.objects.get(organisation=scene.buyer).compute_ucu


def test_a_plain_completion_of_token_ids_streams(client, scene, providers):
    serving = providers.serve("!")
    stream = client.completions.create(
        model=scene.model.name,
        prompt=scene.text_ids("hi"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    serving.join()
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "!"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.prompt_tokens == 2
    assert Job.objects.get(organisation=scene.buyer).max_tokens == 16


def test_each_choice_is_a_job_of_its_own_with_its_own_seed(client, scene, providers):
    serving = providers.serve("one", "two")
    answer = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=20, n=2, seed=7
    )
    serving.join()
    jobs = list(Job.objects.filter(organisation=scene.buyer).order_by("id"))
    assert [job.sampling["seed"] for job in jobs] == [7, 8]
    assert [choice.message.content for choice in answer.choices] == ["one", "two"]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 6)
    cux = answer.usage.cux
    assert cux["compute_ucu"] == sum(job.compute_ucu for job in jobs) > 0
    assert [each["job_id"] for each in cux["jobs"]] == [f"job_{job.id.hex}" for job in jobs]
    assert cux["cost_nano_usd"] == sum(job.charged_nano_usd for job in jobs)


def test_choices_stream_side_by_side_and_a_failed_one_costs_nothing(client, scene, providers):
    serving = providers.serve("one", None)
    stream = client.chat.completions.create(
        model=scene.model.name,
        messages=HELLO,
        max_tokens=20,
        n=2,
        stream=True,
        presence_penalty=1,  # so that nobody can go on after the first token
    )
    texts, ends = {0: "", 1: ""}, {}
    for chunk in stream:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        ends[choice.index] = choice.finish_reason or ends.get(choice.index)
    serving.join()
    assert "one" in texts.values()
    assert sorted(ends.values()) == ["error", "stop"]
    refunded = Job.objects.get(organisation=scene.buyer, state=Job.State.REFUNDED)
    assert refunded.charged_nano_usd == 0


def test_choices_wait_for_the_draw_rule_and_run_one_after_another(urls, tmp_path, db, key_of):
    scene = make_scene(tmp_path, quantity_ucu=10_000, window_s=86_400)
    serving = Providers(scene, urls[1]).serve("one", "two", "three")
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=key_of(scene.buyer).secret, timeout=30) as client:
        answer = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20, n=3)
    serving.join()
    assert [choice.message.content for choice in answer.choices] == ["one", "two", "three"]


def test_a_call_of_a_tool_is_read_and_its_answer_understood(client, scene, providers):
    serving = providers.serve("Let me see.\n" + OSLO)
    answer = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=200, tools=[TOOL]
    )
    serving.join()
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see.")
    (call,) = choice.message.tool_calls
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == (
        "function",
        "weather",
        {"city": "Oslo"},
    )
    serving = providers.serve("It rains.")
    turns = [*HELLO, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    after = client.chat.completions.create(
        model=scene.model.name, messages=turns, max_tokens=50, tools=[TOOL]
    )
    serving.join()
    assert (after.choices[0].message.content, after.choices[0].finish_reason) == ("It rains.", "stop")


def test_calls_stream_whole_and_text_without_a_call_stays_text(client, scene, providers):
    serving = providers.serve("Now: " + OSLO)
    with client.chat.completions.stream(
        model=scene.model.name, messages=HELLO, max_tokens=200, tools=[TOOL]
    ) as stream:
        final = stream.get_final_completion()
    serving.join()
    (choice,) = final.choices
    assert (choice.message.content, choice.finish_reason) == ("Now: ", "tool_calls")
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Oslo"}


def test_a_forced_call_is_drawn_by_its_schema(client, scene, providers):
    serving = providers.serve('{"name": "weather", "arguments": {"city": "Oslo"}}')
    answer = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=200, tools=[TOOL], tool_choice="required"
    )
    serving.join()
    (lease,) = providers.leases
    assert json.loads(lease.json_schema)["properties"]["name"] == {"const": "weather"}
    assert lease.prompt_token_ids[-12:] == scene.text_ids("<tool_call>\n")
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == (None, "tool_calls")
    assert choice.message.tool_calls[0].function.name == "weather"


def test_what_is_asked_of_the_engine_reaches_the_lease(client, scene, providers):
    serving = providers.serve("{}")
    client.chat.completions.create(
        model=scene.model.name,
        messages=HELLO,
        max_tokens=20,
        frequency_penalty=0.25,
        presence_penalty=-0.5,
        logit_bias={"65": -100},
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "city", "schema": CITY, "strict": True},
        },
    )
    serving.join()
    (lease,) = providers.leases
    assert (lease.frequency_penalty_milli, lease.presence_penalty_milli) == (250, -500)
    assert lease.logit_bias_milli == {"65": -100_000}
    assert json.loads(lease.json_schema) == CITY


def test_routing_is_explained_in_headers_and_with_the_job(urls, client, scene, providers, secret):
    name = scene.agents[0].provider.name
    serving = providers.serve("Hi")
    raw = client.chat.completions.with_raw_response.create(
        model=scene.model.name,
        messages=HELLO,
        max_tokens=20,
        extra_body={
            "provider": {"order": [name], "max_price": 25, "sort": "price"},
            "max_compute_units": 0.001,
        },
    )
    serving.join()
    told, job = raw.headers, Job.objects.get(organisation=scene.buyer)
    assert (told["x-cux-attempts"], told["x-cux-card-hash"]) == ("1", scene.model.card_hash)
    assert int(told["x-cux-compute-ucu"]) == job.compute_ucu <= 1_000
    assert int(told["x-cux-cost-nano-usd"]) == job.charged_nano_usd
    assert told["x-cux-route"]
    shown = httpx.get(f"{urls[0]}/v1/jobs/{told['x-cux-job-id']}", headers=bearer(secret)).json()
    assert shown["routing"] == {
        "order": [name],
        "max_price_nano_usd_per_cu": 25_000_000_000,
        "sort": "price",
    }
    (attempt,) = shown["attempts"]
    assert attempt["provider_id"] == told["x-cux-provider"]
    assert (attempt["outcome"], attempt["output_tokens"]) == ("finished", 2)
    assert shown["route"]["chosen"] == name


def test_a_key_that_may_not_trade_buys_nothing(urls, scene, secret, key_of):
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20, "buy": True}
    refused = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=bearer(secret))
    assert_error(refused, Code.MISSING_SCOPE, "scope")
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_at_the_draw_limit_it_is_429_with_when_to_come_again_and_nothing_is_reserved(
    db, urls, tmp_path, key_of
):
    scene = make_scene(tmp_path, window_s=86_400)  # 138 µCU at once
    scene.create(now=utc_now())
    body = {"model": scene.model.name, "messages": HELLO, "max_tokens": 20, "max_wait_s": 0.1}
    headers = bearer(key_of(scene.buyer).secret)
    answer = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=headers)
    assert_error(answer, Code.DRAW_LIMIT)
    assert answer.headers["retry-after"] == "1"
    assert Job.objects.filter(organisation=scene.buyer).count() == 1
