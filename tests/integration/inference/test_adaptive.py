"""An adaptive request's rows: each tranche is made once and judged once, whoever comes second."""

from pathlib import Path
from typing import Any

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from inference.likelihoods import Likelihood
from inference.models import AdaptiveRequest, Job, Reservation, Tranche
from inference.routing.preferences import Preferences
from inference.selectors.adaptive import adaptive_latest
from inference.services.adaptive_open import adaptive_open, tranche_release
from inference.services.adaptive_quote import AdaptiveAsk, AdaptiveQuote, adaptive_quote
from inference.services.job_settle import job_settle
from inference.services.sampling import Sampling
from inference.services.tranche_judge import Ended, adaptive_end, tranche_judge
from tests.integration.api.adaptive.scene import add_tiers, heartbeat, models_of, write_ladder
from tests.integration.inference.scene import EOS, Scene, make_scene
from tests.races import race

HELLO = [{"role": "user", "content": "hello"}]
ASK = AdaptiveAsk(value_nano_usd=0, quality_ppm=500_000)


@pytest.fixture
def scene(db: None, tmp_path: Path, settings: Any) -> Scene:
    """Return a ladder of three models, a provider of all and a buyer with 10,000 µCU there."""
    made = make_scene(tmp_path)
    add_tiers(made)
    write_ladder(tmp_path, made)
    settings.LADDERS_DIRECTORY = tmp_path
    return made


def planned(scene: Scene, ask: AdaptiveAsk = ASK) -> AdaptiveQuote:
    return adaptive_quote(
        organisation_id=scene.buyer.id, model=scene.model.name, messages=HELLO, ask=ask, now=utc_now()
    )


def released(scene: Scene, **more: Any) -> dict[str, Any]:
    """Return what a job of a tranche is made from."""
    made = {
        "sampling": Sampling(logprobs=True),
        "api_key_id": None,
        "tag": "",
        "preferences": Preferences(),
        "by_pool": False,
        "bought": None,
        "now": utc_now(),
    }
    return made | more


def opened(scene: Scene) -> AdaptiveRequest:
    return adaptive_open(quote=planned(scene), **released(scene))


def answer(scene: Scene, *ids: int) -> Ended:
    """Have the provider answer the job that runs, and return how it ended."""
    (lease,) = scene.agents[0].claim(now=utc_now())
    told = [Likelihood(token, token * 10_000) for token in ids]
    rows = [each.micro_nats for each in told]
    scene.agents[0].deliver(lease, list(ids), rows=rows, now=utc_now())
    job = Job.objects.get(organisation=scene.buyer, ended_at__isnull=True)
    job_settle(job_id=job.id, now=utc_now())
    return Ended("stop", told, has_answer=True)


def test_the_next_tranche_is_made_once_by_two_drivers_at_once(scene: Scene) -> None:
    request = opened(scene)
    rung = tranche_judge(request_id=request.id, number=0, ended=answer(scene, 90, 90), now=utc_now())
    assert rung is not None
    assert rung.name == "direct-20"
    quote = planned(scene).quotes[rung.name]
    made = released(scene, request_id=request.id, number=1, rung=rung.name, quote=quote, why="")
    first, second = race(lambda: tranche_release(**made), lambda: tranche_release(**made))
    assert first == second
    assert Job.objects.filter(organisation=scene.buyer).count() == 2
    assert Tranche.objects.filter(request=request).count() == 2


def test_a_verdict_stands_whatever_a_second_driver_saw(scene: Scene) -> None:
    request = opened(scene)
    ended = answer(scene, 0, 0)
    assert tranche_judge(request_id=request.id, number=0, ended=ended, now=utc_now()) is None
    before = Tranche.objects.filter(request=request).values().get()
    assert (before["right_ppm"] > 990_000, before["confidence_ppm"]) == (True, 1_000_000)
    doubtful = Ended("length", [Likelihood(90, 900_000)], has_answer=True)
    for other in (None, doubtful):
        assert tranche_judge(request_id=request.id, number=0, ended=other, now=utc_now()) is None
    assert Tranche.objects.filter(request=request).values().get() == before
    request.refresh_from_db()
    assert (request.state, request.kept) == ("answered", 0)
    assert request.used_ucu == Job.objects.get(organisation=scene.buyer).compute_ucu > 0


def test_an_answer_that_was_cut_off_is_right_with_no_chance(scene: Scene) -> None:
    request = opened(scene)
    ended = answer(scene, 0, 0)
    cut = Ended("length", ended.likelihoods, has_answer=True)
    assert tranche_judge(request_id=request.id, number=0, ended=cut, now=utc_now()) is not None
    tranche = Tranche.objects.get(request=request)
    assert (tranche.right_ppm, tranche.found) == (0, "cut off; direct-20 is released")


def test_a_thought_without_an_end_holds_no_answer(scene: Scene) -> None:
    quality = AdaptiveAsk(value_nano_usd=0, quality_ppm=940_000)
    request = adaptive_open(quote=planned(scene, quality), **released(scene))
    assert adaptive_latest(request.id).thinks
    thought = scene.text_ids("!!!!")
    ended = answer(scene, *thought, EOS)
    assert tranche_judge(request_id=request.id, number=0, ended=ended, now=utc_now()) is None
    assert Tranche.objects.get(request=request).confidence_ppm == 0


def test_a_request_that_was_left_stops_its_job_and_releases_nothing_more(scene: Scene) -> None:
    request = opened(scene)
    for _ in range(2):
        adaptive_end(request_id=request.id, now=utc_now(), left=True)
    (job,) = Job.objects.filter(organisation=scene.buyer)
    assert (job.state, job.charged_nano_usd) == ("refunded", 0)
    assert not Reservation.objects.filter(job=job, active=True).exists()
    assert tranche_judge(request_id=request.id, number=0, ended=None, now=utc_now()) is None
    request.refresh_from_db()
    assert request.state == "left"


def test_a_provider_that_tells_no_likelihoods_serves_no_rung(scene: Scene) -> None:
    scene.agents[0].heartbeat(scene.model, now=utc_now(), logprobs=False)
    heartbeat(scene, without=models_of(scene)[0])
    assert set(planned(scene).quotes) == {"direct-20", "think-30"}
    scene.agents[0].heartbeat(scene.model, now=utc_now(), logprobs=False)  # the only one that it names
    with pytest.raises(CuxError) as refused:
        planned(scene)
    assert refused.value.code is Code.DEPENDENCY_UNAVAILABLE


def test_rungs_that_the_callers_limit_would_cut_off_are_left_out(scene: Scene) -> None:
    short = AdaptiveAsk(value_nano_usd=0, quality_ppm=940_000, max_tokens=10)
    assert set(planned(scene, short).quotes) == {"direct-10", "direct-20"}
    shorter = AdaptiveAsk(value_nano_usd=0, quality_ppm=940_000, max_tokens=2)
    assert {each.max_tokens for each in planned(scene, shorter).quotes.values()} == {2}
    assert set(planned(scene, shorter).quotes) == {"direct-10", "direct-20", "think-30"}
