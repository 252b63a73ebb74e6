"""Tranches of an adaptive request buy what they need at market, each for itself, at the price now."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import DjangoDbBlocker

from inference.models import AdaptiveRequest, Job
from tests.integration.api.adaptive.scene import SURE, UNSURE, Answers, add_tiers, write_ladder
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.market_scene import fund, offer
from tests.integration.inference.scene import Scene, make_scene
from tests.sequencer_market import wallet
from tests.sequencer_process import sequencer

MONEY = 10_000_000_000
TICKS = 2_000
"""$20 a CU: a tick is a cent."""


@pytest.fixture(scope="module")
def urls(servers: None, ladders: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Run sequencer, relay and web; return the addresses of web and relay."""
    with (
        sequencer(),
        relay_process() as relay_url,
        web_process(CUX_RELAY_URL=relay_url, CUX_LADDERS_DIRECTORY=str(ladders)) as web_url,
    ):
        yield web_url, relay_url


@pytest.fixture
def scene(urls: tuple[str, str], db: None, tmp_path: Path, ladders: Path) -> Scene:
    """Return a ladder, its provider, and a buyer with $10 and no compute."""
    made = make_scene(tmp_path, entitled=0)
    add_tiers(made)
    write_ladder(ladders, made)
    fund(made, MONEY)
    return made


@pytest.fixture
def ask(scene: Scene, urls: tuple[str, str], key_of):
    """Return a function that asks the ladder at an address."""
    secret = key_of(scene.buyer).secret

    def post(path: str = "/v1/chat/completions", **asked: object) -> dict[str, Any]:
        body = {"model": scene.model.name, "messages": [{"role": "user", "content": "hello"}], **asked}
        answer = httpx.post(f"{urls[0]}{path}", json=body, headers=bearer(secret), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


def test_each_tranche_buys_what_it_lacks_and_says_so(scene, urls, ask):
    offer(scene, scene.agents[0], TICKS, 50)
    serving = Answers(scene, urls[1]).serve(UNSURE, SURE)
    told = ask(quality=0.5)["usage"]["cux"]
    serving.join()
    bought = [each["bought"] for each in told["tranches"]]
    assert told["compute_ucu"] <= told["quote_ucu"]
    spent = sum(each["cost_nano_usd"] for each in bought if each)
    assert spent > 0
    assert all(each["quantity_ucu"] > 0 for each in bought if each)
    assert wallet(scene.buyer) == (MONEY - spent, 0)


def test_where_the_next_rung_can_not_be_bought_the_answer_before_it_is_kept(scene, urls, ask):
    first, second, third = ask("/v1/quotes", quality=0.5)["plan"]["rungs"]
    lot = scene.instrument.lot_ucu
    assert first["quote_ucu"] < lot < third["quote_ucu"]
    offer(scene, scene.agents[0], TICKS, 1)  # what the first leaves is enough for the second
    serving = Answers(scene, urls[1]).serve(UNSURE, UNSURE)
    answer = ask(quality=0.5)
    serving.join()
    assert answer["choices"][0]["message"]["content"] == UNSURE
    tried = answer["usage"]["cux"]["tranches"]
    assert [each["rung"] for each in tried] == [first["name"], second["name"]]
    assert "could not be had: insufficient_entitlement" in tried[1]["found"]
    assert [each["bought"] is not None for each in tried] == [True, False]
    assert Job.objects.filter(organisation=scene.buyer).count() == 2
    assert AdaptiveRequest.objects.get(organisation=scene.buyer).state == "answered"


def test_dear_compute_is_spent_more_sparingly(scene, ask):
    offer(scene, scene.agents[0], 4 * TICKS, 50)
    dear = ask("/v1/quotes", value_usd="0.008")["plan"]
    offer(scene, scene.agents[0], TICKS // 2, 50)
    cheap = ask("/v1/quotes", value_usd="0.008")["plan"]
    assert [each["price_nano_usd_per_cu"] for each in (dear, cheap)] == [80 * 10**9, 10 * 10**9]
    assert [each["price_source"] for each in (dear, cheap)] == ["offer", "offer"]
    assert dear["expected_ucu"] < cheap["expected_ucu"]
    assert (dear["first"], cheap["first"]) == ("direct-20", "think-30")
