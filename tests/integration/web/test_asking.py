"""The playground proposes the model that one holds compute for, and says what to do where there is none."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import Organisation
from exchange.models import ComputeClass, Instrument
from inference.models import CatalogueModel, Job
from tests.builders import unique
from tests.integration.inference.scene import Scene, make_entitlement, make_scene, smollm_card
from tests.sequencer_market import Market
from web.selectors.asking import model_choices, where_to_buy

ClientOf = Callable[..., Client]


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """A buyer with 10,000 µCU of a model."""
    return make_scene(tmp_path)


def list_model(scene: Scene, name: str, compute_class: ComputeClass) -> str:
    """List a model of this class, with the scene's tokenizer."""
    card = smollm_card(name)
    CatalogueModel.objects.create(
        name=name,
        revision="r1",
        precision="bf16",
        card_hash=card.card_hash,
        card=card.to_payload(),
        compute_class=compute_class,
        context_tokens=256,
        directory=scene.model.directory,
        licence="apache-2.0",
    )
    return name


def own(organisation: Organisation, *names: str) -> list[str]:
    """Which of these models are proposed to an organisation, in their order."""
    return [each.name for each in model_choices(organisation_id=organisation.id) if each.name in names]


def test_what_most_compute_is_held_for_comes_first_then_what_is_on_offer(
    scene: Scene, market: Market, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_scene(tmp_path / "other", quantity_ucu=20_000)
    nowhere = ComputeClass.objects.create(code=unique("class"), model="m", card_hash="0" * 64)
    unsold = list_model(scene, unique("aa-unsold"), nowhere)
    offered = list_model(scene, unique("bb-offered"), market.instrument.compute_class)
    market.sell(1_000, 5)
    names = (unsold, offered, scene.model.name, other.model.name)
    assert own(market.buyer, unsold, offered) == [offered, unsold]
    assert own(scene.buyer, *names)[0] == scene.model.name
    provider = other.agents[0].provider.organisation
    make_entitlement(other.instrument, scene.buyer, provider, 20_000)
    assert own(scene.buyer, *names)[:3] == [other.model.name, scene.model.name, offered]


def test_the_page_proposes_the_first_and_says_why(scene: Scene, client_of: ClientOf) -> None:
    list_model(scene, "aaaa" + unique("tier"), scene.model.compute_class)
    page = client_of(scene.buyer).get("/playground").text
    options = re.findall(r'<option value="([^"]+)">([^<]+)</option>', page)
    assert options[0][0].startswith("aaaa"), "of a class, by name"
    assert options[1] == (scene.model.name, f"{scene.model.name}: you hold 10,000 µCU")


def test_a_question_that_is_not_covered_names_the_market_and_what_one_holds(
    scene: Scene, market: Market, client_of: ClientOf
) -> None:
    code = market.instrument.compute_class_id
    asked = list_model(scene, unique("asked"), market.instrument.compute_class)
    client = client_of(scene.buyer)
    body = {"model": asked, "prompt": "hello", "max_tokens": "5"}
    holds = f", or choose {scene.model.name}, for which you hold 10,000 µCU. Then ask again."
    refused = client.post("/playground/stream", body)
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_entitlement")
    assert refused.json()["advice"] == f"Nobody sells {code} now: bid for it{holds}"
    assert refused.json()["page"] == f"/market/{market.instrument.symbol}"
    market.sell(1_000, 5)
    assert client.post("/playground/stream", body).json()["advice"] == f"Buy {code}{holds}"
    quote = client.post("/playground/quote", body).text
    assert f"Buy {code}{holds}" in quote
    assert f'href="/market/{market.instrument.symbol}"' in quote
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_without_compute_or_a_market_nothing_else_is_proposed(scene: Scene, market: Market) -> None:
    Instrument.objects.filter(id=scene.instrument.id).update(phase="halted")
    where = where_to_buy(organisation_id=market.buyer.id, model=scene.model.name)
    assert where is not None
    assert where.text == f"{scene.model.compute_class_id} is not traded now. Then ask again."
    assert where.symbol is None
    assert where_to_buy(organisation_id=market.buyer.id, model="no such") is None
