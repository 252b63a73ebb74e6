"""The playground's ladder: who sees what was tried, and what is refused before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.clock import utc_now
from core.ids import public_id
from inference.models import AdaptiveRequest, Job
from inference.services.adaptive_quote import AdaptiveAsk, adaptive_quote
from tests.builders import organisation
from tests.integration.api.adaptive.scene import add_tiers, models_of, write_ladder
from tests.integration.inference.scene import Scene, make_scene
from web.services.ladder_asking import ladder_ask

ClientOf = Callable[..., Client]


@pytest.fixture
def scene(db: None, tmp_path: Path, settings: Any) -> Scene:
    """A ladder of three models, and a buyer with compute of it."""
    settings.LADDERS_DIRECTORY = tmp_path
    made = make_scene(tmp_path)
    add_tiers(made)
    write_ladder(tmp_path, made)
    return made


def asked(scene: Scene, **other: str) -> dict[str, str]:
    """What the form sends."""
    body = {"model": scene.model.name, "prompt": "hello", "max_tokens": "30", "compute": "auto", "worth": "5"}
    return body | other


def assert_nothing_ran(scene: Scene) -> None:
    """No request, no job."""
    assert not AdaptiveRequest.objects.filter(organisation=scene.buyer).exists()
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_a_quote_shows_the_plan_and_runs_nothing(scene: Scene, client_of: ClientOf) -> None:
    client = client_of(scene.buyer)
    picture = client.post("/playground/quote", asked(scene)).context["picture"]
    assert [(row.name, row.chance_percent) for row in picture.rows] == [
        ("direct-10", 50),
        ("direct-20", 80),
        ("think-30", 95),
    ]
    assert (picture.plan.value_nano_usd, picture.quality_percent) == (5_000_000_000, None)
    assert [row.name for row in picture.rows if row.is_first] == ["think-30"], "so dear an answer is worth it"
    wanted = client.post("/playground/quote", asked(scene, compute="700000")).context["picture"]
    assert (wanted.plan.first, wanted.quality_percent) == ("direct-20", 70)
    once = client.post("/playground/quote", asked(scene, compute="once"))
    assert once.context.get("picture") is None
    assert once.context["quote"].max_tokens == 30
    assert_nothing_ran(scene)


def test_a_model_without_a_ladder_answers_once(scene: Scene, client_of: ClientOf) -> None:
    client = client_of(scene.buyer)
    tier = models_of(scene)[0]
    said = "This model has no ladder: it answers once."
    assert said in client.post("/playground/quote", asked(scene, model=tier)).text
    refused = client.post("/playground/stream", asked(scene, model=tier))
    assert (refused.status_code, refused.json()["message"]) == (400, said)
    page = client.get("/playground").text
    assert f'<option value="{scene.model.name}" data-ladder>' in page
    assert f'<option value="{tier}">' in page
    assert_nothing_ran(scene)


@pytest.mark.parametrize(("worth", "compute"), [("0", "auto"), ("a lot", "auto"), ("1", "710000")])
def test_what_cannot_be_meant_is_refused(scene: Scene, client_of: ClientOf, worth: str, compute: str) -> None:
    refused = client_of(scene.buyer).post("/playground/stream", asked(scene, worth=worth, compute=compute))
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_field")
    assert_nothing_ran(scene)


def test_what_was_tried_is_shown_to_its_own_organisation_alone(scene: Scene, client_of: ClientOf) -> None:
    quote = adaptive_quote(
        organisation_id=scene.buyer.id,
        model=scene.model.name,
        messages=[{"role": "user", "content": "hello"}],
        ask=AdaptiveAsk(value_nano_usd=1, quality_ppm=500_000),
        now=utc_now(),
    )
    request_id = ladder_ask(quote=quote, now=utc_now())
    path = f"/playground/tranches/{public_id('adaptive', request_id)}"
    client = client_of(scene.buyer)
    running = client.get(path)
    assert (running.status_code, "direct-10" in running.text) == (200, True)
    assert f'hx-get="{path}"' in running.text, "it asks again while it runs"
    AdaptiveRequest.objects.filter(id=request_id).update(state="failed", ended_at=utc_now())
    assert "hx-get" not in client.get(path).text
    assert client_of(organisation("stranger")).get(path).status_code == 404
    assert client.get("/playground/tranches/adp_nothing").status_code == 404
    (job,) = Job.objects.filter(organisation=scene.buyer)
    assert job.quote_ucu <= quote.quote_ucu
