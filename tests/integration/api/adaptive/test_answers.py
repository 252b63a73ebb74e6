"""Adaptive requests by the official client: each tranche a job, all of them within one quote."""

from queue import SimpleQueue

import httpx
import openai
import pytest

from core.errors import Code
from inference.models import AdaptiveRequest, Tranche
from inference.selectors.jobs import receipt_get
from tests.builders import organisation
from tests.integration.api.adaptive.scene import (
    HELLO,
    SURE,
    UNSURE,
    ask,
    assert_balanced,
    jobs,
    models_of,
)
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.waiting import eventually


@pytest.fixture
def stranger(key_of) -> str:
    """Return a key of another organisation."""
    return key_of(organisation("stranger")).secret


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
