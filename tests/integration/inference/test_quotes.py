"""Quotes: what is asked for must be possible, and is refused by its own code before anything moves."""

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from inference.models import Job
from inference.services.job_create import job_create
from inference.services.job_quote import MAX_TOKENS_DEFAULT, job_quote
from inference.services.sampling import Sampling
from tests.integration.inference.books import UNTOUCHED, books
from tests.integration.inference.scene import Scene, make_scene


def refusal_of(scene: Scene, **asked) -> CuxError:
    with pytest.raises(CuxError) as refusal:
        scene.quote(**asked)
    assert books(scene.entitlements[0]) == UNTOUCHED
    assert not Job.objects.filter(organisation=scene.buyer).exists()
    return refusal.value


def test_an_unknown_model_is_refused(scene: Scene) -> None:
    with pytest.raises(CuxError) as refusal:
        job_quote(organisation_id=scene.buyer.id, model="gpt-17", prompt="x")
    assert (refusal.value.code, refusal.value.param) == (Code.UNKNOWN_MODEL, "model")


def test_prompt_and_answer_must_fit_into_the_context(scene: Scene) -> None:
    assert scene.quote("x" * 236, max_tokens=20).max_tokens == 20
    too_long = refusal_of(scene, text="x" * 237, max_tokens=20)
    assert (too_long.code, too_long.param) == (Code.CONTEXT_LENGTH_EXCEEDED, "max_tokens")
    no_room = refusal_of(scene, text="x" * 256, max_tokens=1)
    assert (no_room.code, no_room.param) == (Code.CONTEXT_LENGTH_EXCEEDED, "messages")


def test_a_budget_under_one_token_is_refused(scene: Scene) -> None:
    # Five prompt tokens are 1.12 µCU: two pay for the first token, one does not.
    assert scene.quote(max_compute_ucu=2, max_tokens=20).max_tokens == 1
    small = refusal_of(scene, max_compute_ucu=1)
    assert (small.code, small.param) == (Code.BUDGET_TOO_SMALL, "max_compute_ucu")


def test_a_budget_caps_the_answer_and_the_quote_stays_within_it(scene: Scene) -> None:
    quote = scene.quote(max_compute_ucu=50, max_tokens=200)
    assert (quote.max_tokens, quote.quote_ucu) == (12, 49)
    assert scene.quote(max_compute_ucu=50, max_tokens=3).max_tokens == 3


def test_without_a_cap_the_answer_has_the_default_or_what_fits(scene: Scene) -> None:
    def cap(text: str) -> int:
        messages = [{"role": "user", "content": text}]
        return job_quote(organisation_id=scene.buyer.id, model=scene.model.name, messages=messages).max_tokens

    assert cap("x" * 56) == 200
    assert MAX_TOKENS_DEFAULT == 256


@pytest.mark.parametrize("asked", [{"max_tokens": 0}, {"text": ""}])
def test_nothing_to_do_is_refused(scene: Scene, asked: dict) -> None:
    assert refusal_of(scene, **asked).code is Code.INVALID_FIELD


def test_a_job_without_an_entitlement_leaves_nothing_behind(db: None, tmp_path) -> None:
    scene = make_scene(tmp_path, entitled=0)
    before = OutboxMessage.objects.count()
    with pytest.raises(CuxError) as refusal:
        scene.create(now=utc_now())
    assert refusal.value.code is Code.INSUFFICIENT_ENTITLEMENT
    assert not Job.objects.filter(organisation=scene.buyer).exists()
    assert OutboxMessage.objects.count() == before


def test_a_job_larger_than_the_entitlement_is_refused(db: None, tmp_path) -> None:
    scene = make_scene(tmp_path, quantity_ucu=100)
    assert scene.quote(max_tokens=24).quote_ucu == 101
    with pytest.raises(CuxError) as refusal:
        scene.create(now=utc_now(), max_tokens=24)
    assert refusal.value.code is Code.INSUFFICIENT_ENTITLEMENT
    assert books(scene.entitlements[0]).reserved_ucu == 0


def test_sampling_is_kept_and_a_seed_is_given_to_who_brings_none(scene: Scene) -> None:
    now = utc_now()
    sampling = Sampling(temperature_milli=0, top_p_ppm=900_000, seed=7, stop=["\n"])
    job = job_create(quote=scene.quote(), sampling=sampling, now=now)
    assert job.sampling == {
        "temperature_milli": 0,
        "top_p_ppm": 900_000,
        "seed": 7,
        "seed_given": True,
        "stop": ["\n"],
        "frequency_penalty_milli": 0,
        "presence_penalty_milli": 0,
        "logit_bias_milli": {},
        "json_object": False,
        "json_schema": "",
        "logprobs": False,
        "top_logprobs": 0,
        "resumable": True,
    }
    seeds = {scene.create(now=now).sampling["seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)
