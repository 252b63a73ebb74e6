"""Adaptive requests by the official client: each tranche a job, all of them within one quote."""

import json
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import httpx
import openai
import pytest

from api.openai.batch_lines import parse_line
from core.errors import Code, CuxError
from cux.client import Client
from inference.models import AdaptiveRequest, Job, Reservation, Tranche
from inference.selectors.jobs import receipt_get
from tests.builders import organisation
from tests.integration.api.adaptive_scene import (
    SURE,
    UNSURE,
    Answers,
    add_tiers,
    heartbeat,
    models_of,
    write_ladder,
)
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_scene
from tests.waiting import eventually

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory from which the web process reads ladders."""
    return tmp_path_factory.mktemp("ladders")


@pytest.fixture(scope="module")
def urls(servers: None, ladders: Path) -> Iterator[tuple[str, str]]:
    """Run a relay and a web process that reads from it; return the addresses of web and relay."""
    with (
        relay_process() as relay_url,
        web_process(CUX_RELAY_URL=relay_url, CUX_LADDERS_DIRECTORY=str(ladders)) as web_url,
    ):
        yield web_url, relay_url


@pytest.fixture
def scene(db: None, tmp_path: Path, ladders: Path) -> Scene:
    """Return a ladder of three models, a provider of all and a buyer with 10,000 µCU there."""
    made = make_scene(tmp_path)
    add_tiers(made)
    write_ladder(ladders, made)
    return made


@pytest.fixture
def answers(scene: Scene, urls: tuple[str, str]) -> Iterator[Answers]:
    """Return the scene's provider; all that it was told to answer has been asked for in the end."""
    made = Answers(scene, urls[1])
    yield made
    for serving in made.threads:
        serving.join(timeout=20)
        assert not serving.is_alive()


@pytest.fixture
def secret(scene: Scene, key_of) -> str:
    """Return a key of the buyer."""
    return key_of(scene.buyer).secret


@pytest.fixture
def client(urls: tuple[str, str], secret: str) -> Iterator[openai.OpenAI]:
    """Return the official client, as anybody would make it."""
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=secret, max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def stranger(key_of) -> str:
    """Return a key of another organisation."""
    return key_of(organisation("stranger")).secret


@pytest.fixture
def quote(urls: tuple[str, str], scene: Scene, secret: str):
    """Return what quotes a question and runs nothing."""

    def post(**asked: object) -> dict:
        body = {"model": scene.model.name, "messages": HELLO, **asked}
        answer = httpx.post(f"{urls[0]}/v1/quotes", json=body, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


def ask(client: openai.OpenAI, scene: Scene, **asked):
    extra = {name: asked.pop(name) for name in ("quality", "value_usd", "max_compute_ucu") if name in asked}
    return client.chat.completions.create(
        model=scene.model.name, messages=HELLO, extra_body=extra or {"quality": 0.5}, **asked
    )


def jobs(scene: Scene) -> list[Job]:
    return list(Job.objects.filter(organisation=scene.buyer).order_by("id"))


def assert_balanced(scene: Scene) -> AdaptiveRequest:
    """Hold what must hold of every request that is over, and return it."""
    request = AdaptiveRequest.objects.get(organisation=scene.buyer)
    made = jobs(scene)
    used = sum(job.compute_ucu for job in made)
    assert used <= request.quote_ucu
    assert request.used_ucu == used
    assert all(job.ended_at is not None for job in made)
    assert not Reservation.objects.filter(job__in=made, active=True).exists()
    return request


def test_an_answer_that_looks_right_is_kept_at_the_first_rung(client, scene, answers):
    answers.serve(SURE)
    got = ask(client, scene, quality=0.5)
    assert got.choices[0].message.content == SURE
    assert got.choices[0].finish_reason == "stop"
    assert answers.asked == [models_of(scene)[0]]
    request = assert_balanced(scene)
    (job,) = jobs(scene)
    told = got.usage.cux
    assert (told["state"], told["quote_ucu"]) == ("answered", request.quote_ucu)
    assert (told["compute_ucu"], told["cost_nano_usd"]) == (job.compute_ucu, job.charged_nano_usd)
    assert job.compute_ucu > 0
    assert told["plan"]["first"] == "direct-10"
    assert [each["name"] for each in told["plan"]["rungs"]] == ["direct-10", "direct-20", "think-30"]
    (tranche,) = told["tranches"]
    assert (tranche["is_kept"], tranche["rung"], tranche["confidence_ppm"]) == (True, "direct-10", 1_000_000)
    assert tranche["right_ppm"] > 990_000
    assert told["card_hash"] == tranche["card_hash"] == job.model.card_hash
    assert told["receipt_hash"] == tranche["receipt_hash"] is not None
    assert job.sampling["logprobs"] is True
    assert job.sampling["temperature_milli"] == 0


def test_our_own_client_reads_plan_and_tranches(scene, answers, urls, secret):
    with Client(urls[0], secret) as ours:
        shown = ours.quote_create(scene.model.name, "hello", quality=0.5)
        assert shown.plan is not None
        answers.serve(SURE, SURE)
        whole = ours.chat(scene.model.name, "hello", quality=0.5)
        *_, last = ours.chat_stream(scene.model.name, "hello", quality=0.5)
        for usage in (whole.usage, last.usage):
            assert usage is not None
            assert usage.cux.plan == shown.plan
            assert usage.cux.compute_ucu == usage.cux.tranches[0].compute_ucu > 0
            request = ours.adaptive_request_get(usage.cux.adaptive_id or "")
            assert (request.state, request.tranches) == ("answered", usage.cux.tranches)


def test_a_doubtful_answer_gives_way_to_the_next_rung_and_both_are_metered(client, scene, answers):
    serving = answers.serve(UNSURE, UNSURE, f"~~~</think>{SURE}")
    got = ask(client, scene, quality=0.5)
    serving.join()
    assert tuple(answers.asked) == models_of(scene)
    message = got.choices[0].message
    assert (message.content, message.reasoning_content) == (SURE, "~~~")
    request = assert_balanced(scene)
    made = jobs(scene)
    told = got.usage.cux
    assert told["compute_ucu"] == sum(job.compute_ucu for job in made)
    assert told["cost_nano_usd"] == sum(job.charged_nano_usd for job in made)
    assert [each["is_kept"] for each in told["tranches"]] == [False, False, True]
    assert [each["compute_ucu"] for each in told["tranches"]] == [job.compute_ucu for job in made]
    assert made[0].compute_ucu < made[1].compute_ucu < made[2].compute_ucu
    assert request.quote_ucu == sum(job.quote_ucu for job in made), "the worst way is what happened"
    # The thought's doubt does not count: only how likely the answer's own tokens were.
    assert told["tranches"][2]["confidence_ppm"] == 1_000_000
    assert told["tranches"][0]["confidence_ppm"] < 400_000
    for job in made:
        assert receipt_get(organisation_id=scene.buyer.id, job_id=job.id)
    assert got.usage.completion_tokens == made[2].output_tokens


def test_without_these_fields_the_model_is_asked_once_as_ever(client, scene, answers):
    answers.serve(UNSURE)
    got = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    assert got.choices[0].message.content == UNSURE
    (job,) = jobs(scene)
    assert (job.model_id, job.sampling["logprobs"]) == (scene.model.name, False)
    assert job.sampling["temperature_milli"] == 1_000
    assert not AdaptiveRequest.objects.filter(organisation=scene.buyer).exists()


def test_the_cap_lets_no_further_rung_be_released(client, scene, answers, quote):
    rungs = {each["name"]: each for each in quote(quality=0.5)["plan"]["rungs"]}
    cap = rungs["direct-10"]["quote_ucu"] + rungs["direct-20"]["quote_ucu"]
    assert cap < rungs["think-30"]["quote_ucu"]
    answers.serve(UNSURE, UNSURE)
    got = ask(client, scene, quality=0.5, max_compute_ucu=cap)
    assert got.choices[0].message.content == UNSURE
    request = assert_balanced(scene)
    assert request.quote_ucu == cap
    assert [each.rung for each in Tranche.objects.filter(request=request).order_by("number")] == [
        "direct-10",
        "direct-20",
    ]
    assert "no better rung fits" in got.usage.cux["tranches"][1]["found"]


def test_a_quote_runs_nothing_and_is_what_the_request_gets(client, scene, answers, quote):
    shown = quote(quality=0.5)
    assert not jobs(scene)
    assert not Reservation.objects.filter(job__organisation=scene.buyer).exists()
    plan = shown["plan"]
    assert shown["quote_ucu"] == plan["quote_ucu"] == sum(each["quote_ucu"] for each in plan["rungs"])
    assert plan["expected_ucu"] == plan["rungs"][0]["expected_ucu"] < plan["quote_ucu"]
    assert (plan["price_source"], plan["price_nano_usd_per_cu"] > 0) == ("trades", True)
    assert [each["correct_ppm"] for each in plan["rungs"]] == pytest.approx([5e5, 8e5, 95e4], abs=1_000)
    answers.serve(SURE)
    assert ask(client, scene, quality=0.5).usage.cux["plan"] == plan


def test_what_an_answer_is_worth_decides_how_much_is_spent(scene, quote):
    cheap, dear = quote(value_usd="0.000001"), quote(value_usd=1)
    assert (cheap["plan"]["first"], dear["plan"]["first"]) == ("direct-10", "think-30")
    assert cheap["quote_ucu"] == cheap["plan"]["rungs"][0]["quote_ucu"], "nothing more would pay"
    assert quote(quality="auto")["plan"]["value_nano_usd"] == 20_000_000
    assert [quote(reasoning_effort=each)["plan"]["first"] for each in ("none", "low", "high")] == [
        "direct-10",
        "direct-20",
        "think-30",
    ]


def test_a_budget_that_pays_for_no_rung_is_refused_and_nothing_moves(client, scene, answers):
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(client, scene, quality=0.5, max_compute_ucu=1)
    assert refused.value.code == "budget_too_small"
    assert not jobs(scene)
    assert not AdaptiveRequest.objects.filter(organisation=scene.buyer).exists()


@pytest.mark.parametrize(
    ("asked", "code", "param"),
    [
        ({"quality": 0.5, "n": 2}, Code.UNSUPPORTED_PARAMETER, "n"),
        ({"quality": 0.5, "logprobs": True}, Code.UNSUPPORTED_PARAMETER, "logprobs"),
        (
            {"quality": 0.5, "tools": [{"type": "function", "function": {"name": "f"}}]},
            Code.UNSUPPORTED_PARAMETER,
            "tools",
        ),
        (
            {"quality": 0.5, "response_format": {"type": "json_object"}},
            Code.UNSUPPORTED_PARAMETER,
            "response_format",
        ),
        ({"quality": 1.5}, Code.INVALID_FIELD, "quality"),
        ({"quality": "best"}, Code.INVALID_FIELD, "quality"),
        ({"quality": 0.5, "reasoning_effort": "low"}, Code.INVALID_FIELD, "reasoning_effort"),
        ({"quality": 0.5, "value_usd": 1}, Code.INVALID_FIELD, "value_usd"),
    ],
    ids=["n", "logprobs", "tools", "format", "above", "word", "effort", "value"],
)
def test_what_can_not_be_had_together_is_refused_and_makes_no_job(urls, scene, secret, asked, code, param):
    body = {"model": scene.model.name, "messages": HELLO, **asked}
    answer = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=bearer(secret))
    assert_error(answer, code, param)
    assert not jobs(scene)


def test_a_model_without_a_ladder_has_no_quality(urls, scene, secret):
    body = {"model": models_of(scene)[0], "messages": HELLO, "quality": 0.5}
    answer = httpx.post(f"{urls[0]}/v1/chat/completions", json=body, headers=bearer(secret))
    assert_error(answer, Code.UNSUPPORTED_PARAMETER, "model")
    assert not jobs(scene)


def test_a_rung_that_nobody_serves_is_left_out(client, scene, answers, quote):
    heartbeat(scene, without=models_of(scene)[0])
    assert [each["name"] for each in quote(quality=0.5)["plan"]["rungs"]] == ["direct-20", "think-30"]
    answers.serve(SURE)
    assert ask(client, scene, quality=0.5).usage.cux["plan"]["first"] == "direct-20"
    assert_balanced(scene)


def test_a_question_of_unknown_words_goes_to_the_safe_rung_alone(client, scene, answers, ladders):
    write_ladder(ladders, scene, known=False)
    answers.serve(UNSURE)
    got = ask(client, scene, quality=0.99)
    assert got.usage.cux["plan"]["is_familiar"] is False
    assert [each["rung"] for each in got.usage.cux["tranches"]] == ["direct-20"]
    assert assert_balanced(scene).quote_ucu == jobs(scene)[0].quote_ucu


def test_a_refunded_tranche_is_followed_by_the_next_best(client, scene, answers):
    answers.serve(None, SURE)
    got = ask(client, scene, quality=0.5)
    assert got.choices[0].message.content == SURE
    first, second = got.usage.cux["tranches"]
    assert (first["status"], first["cost_nano_usd"], first["is_kept"]) == ("refunded", 0, False)
    assert (second["rung"], second["is_kept"]) == ("direct-20", True)
    assert_balanced(scene)


def test_where_nothing_can_be_had_any_more_the_request_fails_and_costs_nothing(client, scene, answers):
    answers.serve(None, None)  # two faults in a row, and the provider's circuit is open
    with pytest.raises(openai.APIStatusError) as failed:
        ask(client, scene, quality=0.5)
    assert failed.value.code == "job_failed"
    request = assert_balanced(scene)
    assert (request.state, request.kept, request.used_ucu) == ("failed", None, 0)
    assert sum(job.charged_nano_usd for job in jobs(scene)) == 0


def test_a_refunded_better_rung_leaves_the_answer_before_it(client, scene, answers):
    answers.serve(UNSURE, None, None)
    got = ask(client, scene, quality=0.5)
    assert got.choices[0].message.content == UNSURE
    assert [each["is_kept"] for each in got.usage.cux["tranches"]] == [True, False, False]
    assert_balanced(scene)


def test_a_thought_that_is_cut_off_leaves_the_answer_before_it(client, scene, answers):
    answers.serve(UNSURE, UNSURE, "~~~…")
    got = ask(client, scene, quality=0.5)
    assert got.choices[0].message.content == UNSURE
    assert [each["is_kept"] for each in got.usage.cux["tranches"]] == [False, True, False]
    assert_balanced(scene)


def test_a_stream_holds_what_may_be_replaced_and_shows_its_tranches_meanwhile(
    client, scene, answers, urls, secret
):
    answers.go = SimpleQueue()
    answers.serve(UNSURE, UNSURE, f"~~~</think>{SURE}")
    stream = ask(client, scene, quality=0.5, stream=True, stream_options={"include_usage": True})
    adaptive_id = stream.response.headers["x-cux-adaptive-id"]
    assert stream.response.headers["x-cux-first-rung"] == "direct-10"

    def view() -> dict:
        answer = httpx.get(f"{urls[0]}/v1/adaptive-requests/{adaptive_id}", headers=bearer(secret))
        assert answer.status_code == 200
        return answer.json()

    assert view()["state"] == "running"
    answers.go.put(None)
    eventually(lambda: len(view()["tranches"]) == 2)
    assert "direct-20 is released" in view()["tranches"][0]["found"]
    answers.go.put(None)
    eventually(lambda: len(view()["tranches"]) == 3)
    answers.go.put(None)
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == SURE
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == "~~~"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.cux["compute_ucu"] == sum(job.compute_ucu for job in jobs(scene))
    assert view()["state"] == "answered"
    assert_balanced(scene)


def test_the_request_is_its_own_organisation_s_alone_and_its_jobs_name_it(
    client, scene, answers, urls, secret, stranger
):
    answers.serve(SURE)
    told = ask(client, scene, quality=0.5).usage.cux
    job = httpx.get(f"{urls[0]}/v1/jobs/{told['job_id']}", headers=bearer(secret)).json()
    assert job["adaptive_id"] == told["adaptive_id"]
    address = f"{urls[0]}/v1/adaptive-requests/{told['adaptive_id']}"
    assert_error(httpx.get(address, headers=bearer(stranger)), Code.UNKNOWN_ADAPTIVE_REQUEST)
    wrong = httpx.get(f"{urls[0]}/v1/adaptive-requests/{told['job_id']}", headers=bearer(secret))
    assert_error(wrong, Code.UNKNOWN_ADAPTIVE_REQUEST)


def test_a_caller_who_leaves_stops_the_tranche_and_gets_all_back(client, scene, answers):
    stream = ask(client, scene, quality=0.5, stream=True)
    next(iter(stream))
    stream.close()
    eventually(lambda: AdaptiveRequest.objects.get(organisation=scene.buyer).state == "left")
    request = assert_balanced(scene)
    (job,) = jobs(scene)
    assert (job.state, job.charged_nano_usd, request.kept) == ("refunded", 0, None)


def test_a_repeated_key_goes_on_with_the_same_request(scene, answers, urls, secret):
    scene.model.compute_class.__class__.objects.filter(code=scene.model.compute_class_id).update(
        retention="24h"
    )
    body = {"model": scene.model.name, "messages": HELLO, "quality": 0.5}
    headers = bearer(secret) | {"Idempotency-Key": "once"}
    address = f"{urls[0]}/v1/chat/completions"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(address, json=body, headers=headers, timeout=1)
    answers.serve(UNSURE).join()  # nobody waits for it: it settles, and nothing more is released
    assert [job.state for job in jobs(scene)] == ["completed"]
    serving = answers.serve(SURE)
    got = httpx.post(address, json=body, headers=headers, timeout=30).json()
    serving.join()
    assert got["choices"][0]["message"]["content"] == SURE
    again = httpx.post(address, json=body, headers=headers, timeout=30).json()
    assert again == got
    assert len(jobs(scene)) == 2
    assert_balanced(scene)


def test_under_a_repeated_key_an_answer_that_is_not_kept_is_not_run_again(scene, answers, urls, secret):
    body = {"model": scene.model.name, "messages": HELLO, "quality": 0.5}
    headers = bearer(secret) | {"Idempotency-Key": "once"}
    address = f"{urls[0]}/v1/chat/completions"
    answers.serve(SURE)
    assert httpx.post(address, json=body, headers=headers, timeout=30).status_code == 200
    assert_error(httpx.post(address, json=body, headers=headers, timeout=30), Code.ANSWER_NOT_KEPT)
    assert len(jobs(scene)) == 1


def test_a_batch_has_no_adaptive_lines():
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "m", "messages": HELLO, "quality": 0.5}
    with pytest.raises(CuxError) as refused:
        parse_line(json.dumps(line | {"body": body}).encode(), "/v1/chat/completions")
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, "quality")
