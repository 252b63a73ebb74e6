"""What may be asked of a ladder, what it is quoted at, and what is refused before anything moves."""

import json

import httpx
import openai
import pytest

from api.openai.batch_lines import parse_line
from core.errors import Code, CuxError
from cux.client import Client
from inference.models import AdaptiveRequest, Reservation
from tests.integration.api.adaptive.scene import (
    HELLO,
    SURE,
    UNSURE,
    ask,
    assert_balanced,
    heartbeat,
    jobs,
    models_of,
    write_ladder,
)
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error


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


def test_without_these_fields_the_model_is_asked_once_as_ever(client, scene, answers):
    answers.serve(UNSURE)
    got = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    assert got.choices[0].message.content == UNSURE
    (job,) = jobs(scene)
    assert (job.model_id, job.sampling["logprobs"]) == (scene.model.name, False)
    assert job.sampling["temperature_milli"] == 1_000
    assert not AdaptiveRequest.objects.filter(organisation=scene.buyer).exists()


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


def test_a_batch_has_no_adaptive_lines():
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "m", "messages": HELLO, "quality": 0.5}
    with pytest.raises(CuxError) as refused:
        parse_line(json.dumps(line | {"body": body}).encode(), "/v1/chat/completions")
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, "quality")
